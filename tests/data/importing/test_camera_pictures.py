"""Pictures from the camera: what arrives is limited, and whole holds become test images."""

from collections.abc import Iterator, Sequence

import pytest

from cifarviz.data import library
from cifarviz.data.importing import camera_pictures
from cifarviz.data.importing.camera_pictures import CameraPictures
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.importing.report import ImportReport
from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings
from tests.picture_sources import picture, write_folder

COLORS = ((200, 40, 40), (60, 180, 60), (90, 40, 150))
HOSTILE = ("<script>alert(1)</script>", "../../a/b", "컵\n잔", "…;\t\"'")


@pytest.fixture
def made(settings: Settings) -> Iterator[list[CameraPictures]]:
    """Pictures to be closed after the test."""
    found: list[CameraPictures] = []
    yield found
    for pictures in found:
        pictures.close()


def collect(
    settings: Settings, made: list[CameraPictures], holds: Sequence[Sequence[int]], names=None
) -> CameraPictures:
    """Collect pictures of a class for each of ``holds``: how many in each hold."""
    pictures = CameraPictures("id", names or [f"thing {n}" for n in range(len(holds))], settings)
    made.append(pictures)
    hold = 0
    for label, counts in enumerate(holds):
        for count in counts:
            hold += 1
            for number in range(count):
                seed = 100_000 * label + 1000 * hold + number
                pictures.add(label, hold, picture(seed, COLORS[label % 3], "jpg"))
    pictures.finish()
    return pictures


def report_of(pictures: CameraPictures, settings: Settings, **options: object) -> ImportReport:
    made = ImportOptions(**options)  # type: ignore[arg-type]
    with prepare_import(pictures.folder, "things", settings, made) as prepared:
        prepared.store(settings)
    return prepared.report


def test_whole_holds_become_test_images(settings: Settings, made: list[CameraPictures]) -> None:
    pictures = collect(settings, made, [(4, 4, 4, 4, 4), (12, 3)])
    report = report_of(pictures, settings, side=20)
    assert report.format == "pictures from the camera"
    assert [(one.name, one.train, one.test) for one in report.classes] == [
        ("thing 0", 16, 4),
        ("thing 1", 12, 3),
    ]
    text = " ".join(report.warnings())
    assert "Pictures taken in one go look alike" in text
    assert "Taken in one go:" not in text
    found = library.load("things", "full", settings)
    assert found.train.images.shape == (28, 20, 20, 3)


def test_a_class_of_one_hold_is_tested_with_its_last_pictures_and_that_is_reported(
    settings: Settings, made: list[CameraPictures]
) -> None:
    report = report_of(collect(settings, made, [(20,), (5, 5, 5, 5)]), settings)
    assert [(one.train, one.test) for one in report.classes] == [(16, 4), (15, 5)]
    (note,) = [text for text in report.warnings() if text.startswith("Taken in one go:")]
    assert "“thing 0”." in note
    assert "accuracy will be better than on new pictures" in note


def test_one_picture_a_class_cannot_be_divided(
    settings: Settings, made: list[CameraPictures]
) -> None:
    with pytest.raises(ImportRefused, match="2 training and 0 test images"):
        report_of(collect(settings, made, [(1,), (1,)]), settings)


def test_names_of_any_script_stay_inside_the_folder(
    settings: Settings, made: list[CameraPictures]
) -> None:
    pictures = collect(settings, made, [(2, 2)] * len(HOSTILE), HOSTILE)
    report = report_of(pictures, settings)
    names = {one.name for one in report.classes}
    assert names == {"<script>alert(1)</script>", "../../a/b", "컵 잔", "…; \"'"}
    pictures.close()
    assert [path.name for path in settings.datasets.iterdir()] == ["things"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("one",), "There must be 2 to 100 classes, not 1"),
        ([f"c{n}" for n in range(101)], "not 101"),
        (("cup", " \n"), "Class 2 has no name"),
        (("a, b", "a  b"), "Two classes are called “a b”"),
        (("cafe\u0301", "café"), "Two classes are called “café”"),
    ],
)
def test_wrong_class_names_are_refused_and_nothing_is_written(
    settings: Settings, names: Sequence[str], message: str
) -> None:
    with pytest.raises(ImportRefused, match=message):
        CameraPictures("id", names, settings)
    assert not settings.datasets.exists()


def test_a_class_without_pictures_is_named(settings: Settings, made: list[CameraPictures]) -> None:
    with pytest.raises(ImportRefused, match="“thing 1” has no pictures"):
        collect(settings, made, [(2,), ()])


@pytest.mark.parametrize(
    ("label", "hold", "content", "message"),
    [
        (2, 1, b"\xff\xd8\xff", "did not arrive in order"),
        (-1, 1, b"\xff\xd8\xff", "did not arrive in order"),
        (0, 10**9, b"\xff\xd8\xff", "did not arrive in order"),
        (0, 1, b"<svg>", "no JPEG"),
        (0, 1, b"\xff\xd8\xff" + bytes(100_000), "larger than 100,000 bytes"),
    ],
)
def test_what_a_browser_should_not_send_is_refused(
    settings: Settings,
    made: list[CameraPictures],
    label: int,
    hold: int,
    content: bytes,
    message: str,
) -> None:
    made.append(pictures := CameraPictures("id", ("a", "b"), settings))
    with pytest.raises(ImportRefused, match=message):
        pictures.add(label, hold, content)
    assert list(pictures.folder.iterdir()) == []


def test_there_is_a_limit_to_their_number(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, made: list[CameraPictures]
) -> None:
    monkeypatch.setattr(camera_pictures, "MAX_PICTURES", 5)
    with pytest.raises(ImportRefused, match="more than 5 pictures"):
        collect(settings, made, [(3,), (3,)])


def test_something_that_only_begins_like_a_picture_is_skipped(
    settings: Settings, made: list[CameraPictures]
) -> None:
    pictures = collect(settings, made, [(3, 3), (3, 3)])
    pictures.add(0, 9, b"\xff\xd8\xffhello")
    pictures.finish()
    report = report_of(pictures, settings)
    assert [item.file for item in report.skipped] == ["1-9/0012.jpg"]


@pytest.mark.parametrize("table", ["{", "[1]", '[{"file": "a.jpg", "label": 3, "group": ""}]'])
def test_a_damaged_table_is_refused(settings: Settings, tmp_path, table: str) -> None:
    files = {"a.jpg": picture(1, COLORS[0], "jpg"), "cifarviz-camera.json": table.encode()}
    folder = write_folder(files, tmp_path / "pictures")
    with (
        pytest.raises(ImportRefused, match="is damaged"),
        prepare_import(folder, "things", settings),
    ):
        pass
