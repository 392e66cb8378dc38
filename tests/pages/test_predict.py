"""Predict: valid and invalid uploads."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarviz.data import decoder_process
from cifarviz.data.pictures import fit_to
from cifarviz.runs.records import Run
from tests.components import image_grid, ringed_tile
from tests.image_files import encode_image, png
from tests.pages.app_page import widget
from tests.pages.predict_page import File, errors, opened, photo, pictures, text, uploaded


def animation() -> bytes:
    frames = [photo(), photo().rotate(180)]
    return encode_image(frames[0], "GIF", save_all=True, append_images=frames[1:])


def transparent() -> bytes:
    image = photo(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encode_image(image)


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode_image(photo((60, 90)), "JPEG", exif=exif)


def sixteen_bit() -> bytes:
    return encode_image(
        Image.fromarray(np.linspace(0, 65_535, 5400, dtype=np.uint16).reshape(60, 90))
    )


def test_an_upload_is_shown_in_original_and_as_prepared(
    run: Run, predict: Callable[[np.ndarray], tuple[str, float]]
) -> None:
    app = uploaded(("my photo.png", encode_image(photo()), "image/png"))
    name, probability = predict(fit_to(np.asarray(photo()), (32, 32, 3), "crop"))
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert "As uploaded: 90 × 60 pixels, PNG" in text(app)
    assert "Input of the network: 32 × 32 pixels" in text(app)
    assert "Cropped to the central square." in text(app)
    assert pictures(app) == [
        "my photo.png as uploaded",
        "my photo.png as the network sees it",
    ]
    assert not app.error
    assert not app.exception


@pytest.mark.parametrize(
    ("fit", "note"),
    [("stretch", "Stretched to a square."), ("pad", "with its mean colour")],
)
def test_the_choice_of_fit_to_square_is_in_the_address(
    run: Run, predict: Callable[[np.ndarray], tuple[str, float]], fit: Any, note: str
) -> None:
    app = uploaded(("a.png", encode_image(photo()), "image/png"))
    widget(app, "segmented_control", "predict-fit").set_value(fit).run()
    name, probability = predict(fit_to(np.asarray(photo()), (32, 32, 3), fit))
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert note in text(app)
    assert app.query_params["fit"] == fit
    assert note in text(uploaded(("a.png", encode_image(photo()), "image/png"), fit=fit))
    assert not app.exception


@pytest.mark.parametrize(
    ("name", "data", "note"),
    [
        ("deep.png", sixteen_bit(), "16-bit"),
        ("print.jpg", encode_image(photo(mode="CMYK"), "JPEG"), "CMYK"),
        ("clear.png", transparent(), "Transparent parts filled with white"),
        ("moving.gif", animation(), "First frame of an animation"),
        ("turned.jpg", rotated(), "Rotated upright"),
        ("no ending", encode_image(photo(), "WEBP"), "WebP"),
        ("wrong.txt", encode_image(photo(), "BMP"), "BMP"),
        ("line.png", encode_image(photo((2000, 1))), "2,000 × 1 pixels"),
    ],
)
def test_unusual_images_are_prepared_with_notes(
    run: Run, name: str, data: bytes, note: str
) -> None:
    app = uploaded((name, data, ""))
    assert note in text(app)
    # The second where the network is known to know nothing like it.
    assert re.search("The network (is|predicts)|The most probable class is", text(app))
    assert len(pictures(app)) == 2
    assert not app.error
    assert not app.exception


BAD = {
    "notes.png": (b"only text\n", "“notes.png” is a text file"),
    "cut.jpg": (
        encode_image(photo((400, 300)), "JPEG")[:2000],
        "“cut.jpg” is truncated or damaged",
    ),
    "big.png": (png(30_000, 30_000, 8, 2, bytes(100_000)), "“big.png” has 30,000 × 30,000 pixels"),
    "empty.gif": (b"", "“empty.gif” is empty."),
    "[a](b) *c* $d$.png": (b"x", "“[a](b) *c* $d$.png” is a text file"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_file_has_one_message(run: Run, name: str) -> None:
    data, sentence = BAD[name]
    app = uploaded((name, data, "image/png"))
    assert len(app.error) == 1
    assert sentence in errors(app)[0]
    assert not app.exception


def test_an_invalid_file_among_valid_ones(run: Run) -> None:
    app = uploaded(
        ("first.png", encode_image(photo()), ""),
        ("notes.png", b"only text", ""),
        ("last.png", encode_image(photo().rotate(90)), ""),
    )
    assert [one.value for one in app.header] == ["2 images added, 1 file that cannot be read"]
    assert ["“notes.png” is a text file" in one for one in errors(app)] == [True]
    # The newest first, and in full.
    names = [one.partition(":")[0] for one in image_grid(app, "predict-overview")["tooltips"]]
    assert names == ["last.png", "first.png"]
    assert ringed_tile(app, "predict-overview") == 0
    assert pictures(app) == ["last.png as uploaded", "last.png as the network sees it"]
    assert not app.exception


def test_twenty_files_are_shown_in_a_grid(run: Run) -> None:
    files: list[File] = [
        (f"{number}.png", encode_image(photo((20 + number, 20))), "") for number in range(18)
    ]
    app = uploaded(*files, ("notes.png", b"text", ""), ("cut.gif", animation()[:30], ""))
    assert [one.value for one in app.header] == ["18 images added, 2 files that cannot be read"]
    assert len(errors(app)) == 2
    # The newest in full.
    assert pictures(app) == ["17.png as uploaded", "17.png as the network sees it"]
    assert not app.exception


def test_the_page_stays_usable_with_only_invalid_files(run: Run) -> None:
    app = uploaded(*((f"{number}.png", b"text", "") for number in range(7)))
    assert len(errors(app)) == 7
    assert not app.exception


def test_the_uploader_shows_its_limit(run: Run) -> None:
    assert "up to 20 MB and 50 million pixels per file" in text(opened())


def test_a_file_is_decoded_again_if_the_decoders_were_busy(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_process, "WAIT_SECONDS", 0.01)
    with decoder_process.POOL.slot("a"), decoder_process.POOL.slot("b"):
        app = uploaded(("photo.png", encode_image(photo()), "image/png"))
        assert "Try again in a moment" in app.error[0].value
    app.run()
    assert not app.error
    assert "As uploaded: 90 × 60 pixels, PNG" in text(app)
