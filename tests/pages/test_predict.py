"""Predict: a person's files, good and bad, images to try, and bad links."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.checkpoints import open_checkpoint
from cifarviz.data import library
from cifarviz.data.datasets import CIFAR10, ImageSet
from cifarviz.data.splits import train_validation_split
from cifarviz.data.uploads import fit_to
from cifarviz.experiment.choices import SplitValidation
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs

TINY = stored_runs.experiment()
File = tuple[str, bytes, str]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Run]:
    """A home with one run; nothing here changes it."""
    home = tmp_path_factory.mktemp("predict")
    environment = {"CIFARVIZ_HOME": str(home), "KERAS_HOME": str(home), "CIFARVIZ_WARM_UP": "0"}
    settings = Settings.from_environment(environment)
    made = stored_runs.weights(TINY)
    run = stored_runs.store_run(RunStore(settings), TINY, checkpoints={"last": made, "best": made})
    return settings, run


@pytest.fixture
def run(shared: tuple[Settings, Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The shared run, on whose home this test's pages are."""
    monkeypatch.setenv("CIFARVIZ_HOME", str(shared[0].home))
    monkeypatch.setenv("KERAS_HOME", str(shared[0].home))
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return shared[1]


@pytest.fixture(scope="module")
def test_images(shared: tuple[Settings, Run]) -> ImageSet:
    return library.load("cifar10", "sample", shared[0]).test


@pytest.fixture(scope="module")
def asked(shared: tuple[Settings, Run]) -> Callable[[np.ndarray], tuple[str, float]]:
    """Asks the network directly: the class found for an image, and its probability."""
    model = open_checkpoint(RunStore(shared[0]), shared[1], "last")

    def ask(pixels: np.ndarray) -> tuple[str, float]:
        given = model.probabilities(pixels[None])[0]
        return CIFAR10.classes[given.argmax()], float(given.max())

    return ask


def opened(**address: object) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    for name, value in address.items():
        app.query_params[name] = str(value)
    return app.switch_page("pages/predict.py").run()


def uploaded(*files: File, **address: object) -> AppTest:
    app = opened(**address)
    app.file_uploader[0].set_value(list(files))
    return app.run()


def text(app: AppTest) -> str:
    """Everything said outside of errors, as it is read."""
    return "\n".join(plain(one.value) for one in (*app.markdown, *app.caption))


def errors(app: AppTest) -> list[str]:
    return [plain(error.value) for error in app.error]


def plain(markdown: str) -> str:
    return markdown.replace("\\", "")


def pictures(app: AppTest) -> list[str]:
    """What screen readers say of the pictures, in their order."""
    return [image.alt for one in elements(app, "image") for image in one.proto.imgs]


def elements(app: AppTest, kind: str) -> list[Any]:
    return list(app.get(kind))


def photo(size: tuple[int, int] = (90, 60), mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).convert(mode)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def huge_png() -> bytes:
    """A PNG that says it has 30,000 × 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def animation() -> bytes:
    frames = [photo(), photo().rotate(180)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def transparent() -> bytes:
    image = photo(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encoded(image)


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo((60, 90)), "JPEG", exif=exif)


def sixteen_bit() -> bytes:
    return encoded(Image.fromarray(np.linspace(0, 65_535, 5400, dtype=np.uint16).reshape(60, 90)))


def test_an_upload_is_shown_as_it_came_and_as_the_network_saw_it(
    run: Run, asked: Callable[[np.ndarray], tuple[str, float]]
) -> None:
    app = uploaded(("my photo.png", encoded(photo()), "image/png"))
    name, probability = asked(fit_to(np.asarray(photo()), (32, 32, 3), "crop"))
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert "As uploaded: 90 × 60 pixels, PNG" in text(app)
    assert "What the network saw: 32 × 32 pixels" in text(app)
    assert "The square in its middle was cut out." in text(app)
    assert pictures(app) == [
        "my photo.png as uploaded",
        "my photo.png as the network saw it",
    ]
    assert not app.error
    assert not app.exception


@pytest.mark.parametrize(
    ("fit", "note"),
    [("stretch", "It was distorted to a square."), ("pad", "borders of its mean colour")],
)
def test_how_it_is_fitted_is_chosen_and_in_the_address(
    run: Run, asked: Callable[[np.ndarray], tuple[str, float]], fit: Any, note: str
) -> None:
    app = uploaded(("a.png", encoded(photo()), "image/png"))
    app.segmented_control(key="predict-fit").set_value(fit).run()
    name, probability = asked(fit_to(np.asarray(photo()), (32, 32, 3), fit))
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert note in text(app)
    assert app.query_params["fit"] == fit
    assert note in text(uploaded(("a.png", encoded(photo()), "image/png"), fit=fit))
    assert not app.exception


@pytest.mark.parametrize(
    ("name", "data", "note"),
    [
        ("deep.png", sixteen_bit(), "16-bit"),
        ("print.jpg", encoded(photo(mode="CMYK"), "JPEG"), "CMYK"),
        ("clear.png", transparent(), "transparent parts were filled with white"),
        ("moving.gif", animation(), "its first frame is used"),
        ("turned.jpg", rotated(), "turned upright"),
        ("no ending", encoded(photo(), "WEBP"), "WebP"),
        ("wrong.txt", encoded(photo(), "BMP"), "BMP"),
        ("line.png", encoded(photo((2000, 1))), "2,000 × 1 pixels"),
    ],
)
def test_unusual_images_work_and_say_what_was_done(
    run: Run, name: str, data: bytes, note: str
) -> None:
    app = uploaded((name, data, ""))
    assert note in text(app)
    assert "The network" in text(app)
    assert len(pictures(app)) == 2
    assert not app.error
    assert not app.exception


BAD = {
    "notes.png": (b"only text\n", "“notes.png” is a text file, not an image"),
    "cut.jpg": (encoded(photo((400, 300)), "JPEG")[:2000], "“cut.jpg” is cut off or damaged"),
    "big.png": (huge_png(), "“big.png” has 30,000 × 30,000 pixels"),
    "empty.gif": (b"", "“empty.gif” is empty."),
    "[a](b) *c* $d$.png": (b"x", "“[a](b) *c* $d$.png” is a text file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_sentence(run: Run, name: str) -> None:
    data, sentence = BAD[name]
    app = uploaded((name, data, "image/png"))
    assert len(app.error) == 1
    assert sentence in errors(app)[0]
    assert not app.exception


def test_a_bad_file_stands_in_its_place_among_good_ones(run: Run) -> None:
    app = uploaded(
        ("first.png", encoded(photo()), ""),
        ("notes.png", b"only text", ""),
        ("last.png", encoded(photo().rotate(90)), ""),
    )
    shown = [
        plain(str(getattr(one, "value", "")))
        for one in app.main
        if one.type in ("markdown", "error")
    ]
    names = [name for one in shown for name in ("first", "notes", "last") if name in one]
    # The newest first.
    assert names == ["last", "notes", "first"]
    assert [one.value for one in app.subheader] == ["2 images added, 1 file that cannot be read"]
    assert len(pictures(app)) == 4
    assert not app.exception


def test_twenty_files_are_shown_at_a_glance(run: Run) -> None:
    files: list[File] = [
        (f"{number}.png", encoded(photo((20 + number, 20))), "") for number in range(18)
    ]
    app = uploaded(*files, ("notes.png", b"text", ""), ("cut.gif", animation()[:30], ""))
    assert [one.value for one in app.subheader] == ["18 images added, 2 files that cannot be read"]
    assert len(errors(app)) == 2
    # The newest in full.
    assert pictures(app) == ["17.png as uploaded", "17.png as the network saw it"]
    assert not app.exception


def test_only_bad_files_leave_the_page_usable(run: Run) -> None:
    app = uploaded(*((f"{number}.png", b"text", "") for number in range(7)))
    assert len(errors(app)) == 7
    assert not app.exception


def test_a_linked_image_is_shown_with_its_class(
    run: Run, test_images: ImageSet, asked: Callable[[np.ndarray], tuple[str, float]]
) -> None:
    position = 5
    index, actual = (
        int(test_images.indices[position]),
        CIFAR10.classes[test_images.labels[position]],
    )
    app = opened(split="test", image=index, run=run.id, checkpoint="best")
    name, probability = asked(test_images.images[position])
    assert f"Test image {index}, {actual}" in text(app)
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert ("That is right." if name == actual else f"That is wrong: it is {actual}") in text(app)
    assert "See its feature maps" in [link.label for link in elements(app, "page_link")]
    assert not app.exception


def test_an_upload_takes_the_place_of_a_linked_image(run: Run, test_images: ImageSet) -> None:
    app = opened(image=int(test_images.indices[0]))
    assert len(pictures(app)) == 1
    app.file_uploader[0].set_value([("mine.png", encoded(photo()), "")]).run()
    assert pictures(app)[0] == "mine.png as uploaded"
    assert len(pictures(app)) == 2
    assert "image" not in app.query_params
    assert not app.exception


def test_a_training_image_of_the_sample(run: Run, shared: tuple[Settings, Run]) -> None:
    train = library.load("cifar10", "sample", shared[0]).train
    app = opened(split="train", image=int(train.indices[3]))
    assert f"Training image {train.indices[3]}, {CIFAR10.classes[train.labels[3]]}" in text(app)
    assert not app.exception


def test_any_image_of_the_data_set_is_chosen_by_its_index_or_drawn(
    run: Run, shared: tuple[Settings, Run]
) -> None:
    train = library.load("cifar10", "sample", shared[0]).train
    app = opened()
    app.segmented_control(key="predict-split").set_value("train").run()
    assert "The network has learned from it." in text(app)
    app.text_input(key="predict-index").set_value(str(train.indices[7])).run()
    assert f"Training image {train.indices[7]}, {CIFAR10.classes[train.labels[7]]}" in text(app)
    assert app.query_params["split"] == "train"
    app.button(key="predict-random").click().run()
    assert train.position_of(int(app.query_params["image"])) is not None
    app.text_input(key="predict-index").set_value("").run()
    assert pictures(app) == []
    assert not app.exception


def test_a_validation_image_says_that_it_was_not_learned_from(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    split = SplitValidation(fraction=0.3, seed=777)
    made = stored_runs.experiment(validation=split)
    stored_runs.store_run(RunStore(settings), made, checkpoints={"last": stored_runs.weights(made)})
    app = opened()
    app.button(key="predict-validation").click().run()
    train = library.load("cifar10", "sample", settings).train
    _, held_back = train_validation_split(len(train), 0.3, 777)
    assert train.position_of(int(app.query_params["image"])) in held_back
    assert "one of this run's validation images: the network did not learn from it" in text(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"image": "abc"}, "numbered 0 to 9,999; “abc” is none of them"),
        ({"image": "99999999"}, "“99999999” is none of them"),
        ({"image": "-1"}, "“-1” is none of them"),
        (
            {"image": "5000"},
            "Test image 5,000 is not among the 1,000 of the embedded sample; the",
        ),
        ({"image": "1", "split": "tset"}, "There are no images called “tset”"),
        ({"image": "1", "dataset": "mnist"}, "There is no data set called “mnist”"),
        ({"image": "1", "dataset": "[a](//b.c)"}, "There is no data set called “[a](//b.c)”"),
        ({"fit": "squash"}, "Images cannot be fitted by “squash”"),
        ({"run": "zzz"}, "There is no run “zzz” here."),
    ],
)
def test_a_bad_link_gets_a_sentence_and_the_page_stays_usable(
    run: Run, address: dict[str, str], sentence: str
) -> None:
    app = opened(**address)
    assert len(app.error) == 1
    assert sentence in errors(app)[0]
    assert app.selectbox[0].label == "Run"
    if "run" not in address:
        app.file_uploader[0].set_value([("mine.png", encoded(photo()), "")]).run()
        assert pictures(app) == ["mine.png as uploaded", "mine.png as the network saw it"]
    assert not app.exception


def test_the_limit_is_said_beside_the_uploader(run: Run) -> None:
    assert "at most 20 MB and 50 million pixels a file" in text(opened())


def test_without_runs_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    app = opened()
    assert "Train one first" in app.info[0].value
    assert not app.exception
