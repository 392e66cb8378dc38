"""What an import reports, refuses and stores; it is stored as a whole or not at all."""

import bz2
import errno
import gzip
import io
import lzma
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarviz.data import library
from cifarviz.data.fetch import fetch
from cifarviz.data.importing import files as files_module
from cifarviz.data.importing import options as limits
from cifarviz.data.importing.editing import delete_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.importing.report import ImportReport
from cifarviz.datasets import own
from cifarviz.datasets.registry import all_datasets, find_dataset, is_registered
from cifarviz.errors import DatasetNotFound, FetchCancelled, ImportRefused, StorageFull
from cifarviz.settings import Settings
from tests.picture_sources import FRUITS, fruits, picture, write_folder, write_zip

RED, GREEN = (200, 40, 40), (60, 180, 60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(fruits(), tmp_path / "folder")


def take(path: Path, settings: Settings, name: str = "mine", **options: Any) -> ImportReport:
    with prepare_import(path, name, settings, ImportOptions(**options)) as prepared:
        prepared.store(settings)
    return prepared.report


def left_behind(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.datasets.iterdir())


def test_the_report_names_what_was_skipped_and_why(settings: Settings, folder: Path) -> None:
    (folder / "apple/empty.png").touch()
    (folder / "apple/notes.txt").write_text("hello")
    (folder / "apple/damaged.jpg").write_bytes(picture(1, RED, "jpg")[:300])
    (folder / "apple/fake.png").write_text("<script>")
    (folder / "apple/.DS_Store").write_text("x")
    os.symlink("/etc/passwd", folder / "apple/link.png")
    os.symlink(folder.parent, folder / "apple/loop")
    report = take(folder, settings)
    reasons = {item.file.removeprefix("apple/"): item.reason for item in report.skipped}
    expected = {"empty.png", "notes.txt", "damaged.jpg", "fake.png", "link.png", "loop"}
    assert reasons.keys() == expected
    assert reasons["link.png"] == "it is a link, or no file"
    assert reasons["notes.txt"] == "it is no PNG, JPEG, WebP, BMP or GIF"
    assert "truncated or damaged" in reasons["damaged.jpg"]
    assert report.counts["skipped"] == 6
    assert [(item.name, item.train + item.test) for item in report.classes] == [
        (fruit, 6) for fruit in FRUITS
    ]
    assert report.sizes == (("60 × 40", 18),)


def test_equal_and_similar_pictures_are_found_and_no_test_image_is_a_training_image(
    settings: Settings, tmp_path: Path
) -> None:
    files = {
        f"{name}/{n}.png": picture(50 * place + n, color)
        for place, (name, color) in enumerate((("a", RED), ("b", GREEN)))
        for n in range(10)
    }
    files |= {f"a/copy {n}.png": files[f"a/{n}.png"] for n in range(5)}
    # The same picture in another file format.
    files["b/again.jpg"] = picture(50, GREEN, "jpg")
    report = take(write_folder(files, tmp_path / "folder"), settings, test_share=0.4)
    assert report.counts["duplicates"] == 5
    assert set(report.duplicates) == {(f"a/{n}.png", f"a/copy {n}.png") for n in range(5)}
    assert report.near_duplicates == (("b/0.png", "b/again.jpg"),)
    made = library.load("mine", "full", settings)
    train = {image.tobytes() for image in made.train.images}
    assert not any(image.tobytes() in train for image in made.test.images)


def test_a_picture_in_training_and_test_is_a_warning(settings: Settings, tmp_path: Path) -> None:
    files = {
        f"{split}/{name}/{n}.png": picture(50 * place + 10 * (split == "test") + n, color)
        for split in ("train", "test")
        for place, (name, color) in enumerate((("a", RED), ("b", GREEN)))
        for n in range(4)
    }
    files["test/a/0.png"] = files["train/a/3.png"]
    report = take(write_folder(files, tmp_path / "folder"), settings)
    assert report.leaks == (("test/a/0.png", "train/a/3.png"),)
    assert "says nothing about new pictures" in " ".join(report.warnings())


def test_small_and_unequal_classes_are_warnings(settings: Settings, tmp_path: Path) -> None:
    files = {f"a/{n}.png": picture(n, RED) for n in range(40)}
    files |= {f"b/{n}.png": picture(100 + n, GREEN) for n in range(4)}
    files |= {f"B/{n}.png": picture(200 + n, GREEN) for n in range(4)}
    warnings = " ".join(take(write_zip(files, tmp_path / "z"), settings).warnings())
    assert "Fewer than 20 training images: “B”, “b”" in warnings
    assert "“a” has 10 times as many images as" in warnings
    assert "differ only in capital letters" in warnings


def test_test_images_are_drawn_from_each_class_and_the_same_for_a_seed(
    settings: Settings, tmp_path: Path
) -> None:
    path = write_folder(fruits(10), tmp_path / "folder")
    for name, seed, share in (("one", 1, 0.3), ("same", 1, 0.3), ("other", 2, 0.5)):
        take(path, settings, name, seed=seed, test_share=share)
    one, same, other = (library.load(name, "full", settings) for name in ("one", "same", "other"))
    assert np.bincount(one.test.labels).tolist() == [3, 3, 3]
    assert np.bincount(other.test.labels).tolist() == [5, 5, 5]
    np.testing.assert_array_equal(one.test.images, same.test.images)
    assert one.info.fingerprints == same.info.fingerprints


def test_turned_pictures_are_turned_and_counted(settings: Settings, tmp_path: Path) -> None:
    with Image.open(io.BytesIO(picture(1, RED))) as image:
        image.putpixel((0, 0), (0, 0, 255))
        exif = image.getexif()
        exif[274] = 6
        turned = io.BytesIO()
        image.save(turned, "JPEG", exif=exif)
    files = {**fruits(2), "apple/turned.jpg": turned.getvalue()}
    report = take(write_folder(files, tmp_path / "folder"), settings)
    assert report.turned == 1
    assert dict(report.sizes) == {"60 × 40": 6, "40 × 60": 1}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<script>alert(1)", "<script>alert(1)"),
        ("a,b", "a b"),
        ("two\nlines", "two lines"),
        ("고양이", "고양이"),
        ("Cafe\u0301", "Café"),
        ("x" * 200, "x" * 59 + "…"),
        ("\x07bell", "\ufffdbell"),
    ],
)
def test_any_name_becomes_a_class_in_one_line(
    written: str, expected: str, settings: Settings, tmp_path: Path
) -> None:
    files = {f"plain/{n}.png": picture(n, RED) for n in range(3)}
    files |= {f"{written}/{n}.png": picture(10 + n, GREEN) for n in range(3)}
    classes = {item.name for item in take(write_zip(files, tmp_path / "z"), settings).classes}
    assert classes == {"plain", expected}


def test_paths_and_links_that_leave_an_archive_are_skipped(
    settings: Settings, tmp_path: Path
) -> None:
    path = write_zip({**fruits(), "../evil/1.png": picture(1, RED)}, tmp_path / "z")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("/etc/evil/1.png", picture(2, RED))
        link = zipfile.ZipInfo("apple/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    report = take(path, settings, "zipped")
    assert {item.reason for item in report.skipped} == {
        "its path leaves the folder",
        "it is a link",
    }
    with tarfile.open(tmp_path / "t", "w") as archive:
        for name, content in fruits().items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        member = tarfile.TarInfo("apple/link.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    report = take(tmp_path / "t", settings, "tarred")
    assert [item.reason for item in report.skipped] == ["it is a link, or no file"]
    assert [info.classes for info in map(find_dataset, ("zipped", "tarred"))] == [tuple(FRUITS)] * 2


def test_bombs_are_skipped_or_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip({**fruits(), "apple/bomb.png": bytes(60_000_000)}, tmp_path / "z")
    report = take(path, settings)
    assert [item.reason for item in report.skipped] == ["it is larger than 50 MB"]
    monkeypatch.setattr(files_module, "_MAX_TOTAL_BYTES", 50_000_000)
    with pytest.raises(ImportRefused, match="unpacks to more than"):
        take(path, settings, "another")
    monkeypatch.setattr(files_module, "_MAX_FILES", 5)
    with pytest.raises(ImportRefused, match="more than 5 files"):
        take(write_zip(fruits(), tmp_path / "y"), settings, "another")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pack: Callable[[bytes], bytes],
) -> None:
    monkeypatch.setattr(files_module, "_FREE_BYTES", 500_000)
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(pack(bytes(5_000_000)))
    with pytest.raises(ImportRefused, match=r"mine\.tar\.gz” unpacks to more than 1 MB"):
        take(path, settings)
    zipped = write_zip({**fruits(1), "apple/bomb.png": bytes(5_000_000)}, tmp_path / "z")
    monkeypatch.setattr(files_module, "_MAX_GROWTH", 1)
    with pytest.raises(ImportRefused, match="unpacks to more than 1 MB"):
        take(zipped, settings)
    assert left_behind(settings) == []


def test_of_two_members_of_one_name_the_first_is_read(settings: Settings, tmp_path: Path) -> None:
    path = write_zip(fruits(), tmp_path / "z")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        # Larger than the first, whose size was checked.
        archive.writestr("apple/000.png", bytes(5_000_000))
    report = take(path, settings)
    assert [item.reason for item in report.skipped] == ["there are two files of this name"]
    assert report.train_images + report.test_images == 18


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]], path: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in fruits().items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_link_in_a_tar_archive_is_not_followed_under_another_s_name(
    settings: Settings, tmp_path: Path
) -> None:
    link = tarfile.TarInfo("apple/x.png")
    link.type, link.linkname = tarfile.SYMTYPE, "000.png"
    regular = tarfile.TarInfo("apple/x.png")
    regular.size = 4
    report = take(tar_of([(link, b""), (regular, b"junk")], tmp_path / "t"), settings)
    reasons = [item.reason for item in report.skipped]
    assert reasons == ["it is a link, or no file", "it is a text file"]


def test_a_text_called_zip_is_said_to_be_no_archive(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "pictures.zip").write_text("only a text")
    with (
        pytest.raises(ImportRefused, match=r"pictures\.zip” is not a \.zip archive"),
        prepare_import(tmp_path / "pictures.zip", "mine", settings, ImportOptions()),
    ):
        pass


def test_damaged_headers_of_a_tar_archive_are_refused(settings: Settings, tmp_path: Path) -> None:
    path = tar_of([], tmp_path / "mine.tar")
    content = bytearray(path.read_bytes())
    # The size of the first member, as a negative number in base 256.
    content[124:136] = b"\xff" * 10 + b"\xfe\x00"
    header = content[:512]
    header[148:156] = b" " * 8
    content[148:156] = f"{sum(header):06o}\0 ".encode()
    path.write_bytes(content)
    with pytest.raises(ImportRefused, match="cannot be read"):
        take(path, settings)
    long_name = tarfile.TarInfo("x")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 40_000_000
    with tarfile.open(path, "w") as archive:
        archive.addfile(long_name, io.BytesIO(bytes(40_000_000)))
    with pytest.raises(ImportRefused, match="a header that is too large"):
        take(path, settings)


def test_a_class_of_equal_pictures_keeps_training_images(
    settings: Settings, tmp_path: Path
) -> None:
    equal = picture(1, RED)
    files = {f"a/{n}.png": equal for n in range(9)} | {"a/other.png": picture(2, RED)}
    files |= {f"b/{n}.png": picture(10 + n, GREEN) for n in range(10)}
    # The same picture in two classes is a training image of both.
    files |= {f"{name}/twice.png": picture(99, RED) for name in "ab"}
    path = write_folder(files, tmp_path / "folder")
    for seed in range(12):
        report = take(path, settings, f"seed-{seed}", seed=seed)
        counts = {item.name: (item.train, item.test) for item in report.classes}
        assert counts == {"a": (10, 1), "b": (9, 2)}
        assert report.counts["leaks"] == 0


def test_a_class_without_test_images_is_a_warning(settings: Settings, tmp_path: Path) -> None:
    files = {**fruits(), "kiwi/1.png": picture(1, GREEN)}
    report = take(write_folder(files, tmp_path / "folder"), settings)
    assert "No test image: “kiwi”" in " ".join(report.warnings())


def test_a_folder_that_cannot_be_opened_is_named(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("pear"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = take(folder, settings)
    assert [item.file for item in report.skipped] == ["pear"]
    assert "Permission denied" in report.skipped[0].reason


@pytest.mark.parametrize("most", ["MAX_IMAGES", "MAX_BYTES"])
def test_too_many_pictures_are_refused(
    most: str, settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, most, 10)
    with pytest.raises(ImportRefused, match="There are more than"):
        take(folder, settings)
    assert left_behind(settings) == []


@pytest.mark.parametrize(
    "name", ["", "Mine", "../x", "a/b", "-a", "a" * 41, "ä", "cifar10", ".x.part", "a b"]
)
def test_a_name_that_is_none_or_is_taken_is_refused(
    name: str, settings: Settings, folder: Path
) -> None:
    with pytest.raises(ImportRefused, match=r"The name must have|is a published data set"):
        take(folder, settings, name)
    assert left_behind(settings) == []


@pytest.mark.parametrize(
    "options",
    [
        {"side": 8}, {"side": 128}, {"test_share": 0}, {"test_share": 0.9}, {"seed": -1},
        {"title": "x" * 300}, {"licence": "a\nb"},
    ],
    ids=str,
)  # fmt: skip
def test_invalid_options_are_refused(
    options: dict[str, Any], settings: Settings, folder: Path
) -> None:
    with pytest.raises(ImportRefused):
        take(folder, settings, **options)


def test_a_cancelled_import_leaves_nothing(settings: Settings, folder: Path) -> None:
    calls: Iterator[bool] = iter([False] * 8 + [True] * 100)
    with (
        pytest.raises(FetchCancelled, match="Nothing was stored"),
        prepare_import(folder, "mine", settings, cancelled=lambda: next(calls)),
    ):
        pass
    assert left_behind(settings) == []
    assert not is_registered("mine")


def test_a_full_disk_leaves_nothing(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for owner, name in ((np, "save"), (os, "posix_fallocate")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            with pytest.raises(StorageFull):
                take(folder, settings)
        assert left_behind(settings) == []


def test_of_two_imports_at_once_under_one_name_the_second_is_refused(
    settings: Settings, folder: Path
) -> None:
    with (
        prepare_import(folder, "mine", settings) as first,
        prepare_import(folder, "mine", settings) as second,
    ):
        second.store(settings)
        with pytest.raises(ImportRefused, match="There is a data set called “mine” already"):
            first.store(settings)
    assert left_behind(settings) == ["mine"]
    assert library.verify("mine", settings).verified


def test_what_a_killed_import_left_is_removed_by_the_next(settings: Settings, folder: Path) -> None:
    (settings.datasets / ".folder.dead.part").mkdir(parents=True)
    (settings.datasets / ".folder.dead.part/pixels.npy").touch()
    started, done = threading.Event(), threading.Event()

    def hold() -> None:
        with prepare_import(folder, "other", settings):
            started.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert started.wait(30)
    take(folder, settings)
    # The one under way stays.
    assert len([name for name in left_behind(settings) if name.endswith(".part")]) == 1
    done.set()
    thread.join()
    assert left_behind(settings) == ["mine"]


def test_an_imported_data_set_is_registered_and_deleted_as_a_whole(
    settings: Settings, folder: Path
) -> None:
    take(folder, settings, title="My fruit", source="My garden.", licence="Free to use.")
    info = find_dataset("mine")
    assert (info.title, info.citation, info.terms) == ("My fruit", "My garden.", "Free to use.")
    assert info in all_datasets()
    assert library.status("mine", settings).verified
    with pytest.raises(DatasetNotFound, match="published nowhere"):
        fetch("mine", settings)
    delete_dataset("mine", settings, used=False)
    assert left_behind(settings) == []
    assert not is_registered("mine")
    with pytest.raises(DatasetNotFound, match="There is no data set called “mine”"):
        delete_dataset("mine", settings, used=False)
    with pytest.raises(ImportRefused, match="only imported data sets can be changed"):
        delete_dataset("cifar10", settings, used=False)


def test_of_a_deleted_data_set_that_runs_use_its_description_is_left(
    settings: Settings, folder: Path
) -> None:
    take(folder, settings, title="My fruit")
    delete_dataset("mine", settings, used=True)
    assert [path.name for path in (settings.datasets / "mine").iterdir()] == [own.DESCRIPTION]
    assert "apple/" not in (settings.datasets / "mine" / own.DESCRIPTION).read_text("utf-8")
    assert find_dataset("mine").classes == tuple(FRUITS)
    assert not any(info.own for info in all_datasets())
    with pytest.raises(DatasetNotFound, match="The images of My fruit are not on this machine"):
        library.load("mine", "full", settings)
    with pytest.raises(ImportRefused, match="Choose another name"):
        take(folder, settings)
    delete_dataset("mine", settings, used=False)
    assert left_behind(settings) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "[" * 100_000, "\0"]
)
def test_a_damaged_description_is_no_data_set(text: str, settings: Settings, folder: Path) -> None:
    take(folder, settings)
    path = settings.datasets / "mine" / own.DESCRIPTION
    whole = path.read_text("utf-8")
    path.write_text(text, "utf-8")
    assert not is_registered("mine")
    assert all(not info.own for info in all_datasets())
    for old, new in (
        ('"apple"', '"pear"'),
        ("[\n  32", "[\n  0"),
        ('"title": "', '"title": 3, "x": "'),
    ):
        assert old in whole
        path.write_text(whole.replace(old, new, 1), "utf-8")
        assert not is_registered("mine"), new
    path.write_text(whole, "utf-8")
    assert is_registered("mine")


def test_changed_pixels_are_noticed(settings: Settings, folder: Path) -> None:
    take(folder, settings)
    path = settings.datasets / "mine/train_images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert library.status("mine", settings).verified
    status = library.verify("mine", settings)
    assert not status.verified
    assert "their fingerprint differs" in status.notes[0]
