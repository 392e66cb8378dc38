"""Uploaded images, and what a network says of them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifarviz.analysis.predictions import RankedClass, ranking, top
from cifarviz.data.pictures import FitMode, FittedPicture, PreparedPicture, fit_picture
from cifarviz.data.uploads import MAX_PIXELS, decode
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable
from cifarviz.figures.percent import format_probability
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import state
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.dataset_images import DatasetImage
from cifarviz.ui.navigation import link_to
from cifarviz.ui.predict.example import forget_example
from cifarviz.ui.query import render_choice
from cifarviz.ui.streamlit_patches import uninterruptible

PICTURE: Final = 224
"""CSS pixels that a picture may be wide and high; a multiple of the data sets' own sizes."""

# Seconds that reading may take before anything is said of it.
_UNSAID = 0.3


@dataclass(frozen=True)
class Fitting:
    """How images are made what a network takes: arguments of ``prepare_picture``."""

    mode: FitMode = "crop"
    invert: bool | None = None


@dataclass(frozen=True, eq=False)
class ReadImage:
    """An uploaded image as it is shown and as networks take it.

    ``thumbnail`` uint8 (h, w, 3) has at most ``PICTURE`` pixels a side; ``fitted``: it for each
    way to fit it. ``about``: its size and format.
    """

    id: str
    name: str
    thumbnail: NDArray[np.uint8]
    fitted: Mapping[FitMode, FittedPicture]
    about: str

    def prepared(self, fitting: Fitting) -> PreparedPicture:
        """Return what the network is given."""
        return self.fitted[fitting.mode].prepare(fitting.invert)


@dataclass(frozen=True)
class BadFile:
    """A file that cannot be shown as an image, and why, in a sentence."""

    id: str
    name: str
    problem: str


_SURE = 0.9
_LIKELY = 0.5
_SOFTMAX = (
    "Softmax, the activation of the last layer, turns the network's scores into probabilities that "
    "add up to 100%."
)
FITS: dict[FitMode, str] = {"crop": "Crop", "stretch": "Stretch", "pad": "Pad"}
INVERSIONS = {"auto": "If it is light", "yes": "Always", "no": "Never"}
_INVERT = {"auto": None, "yes": True, "no": False}

# More than so many are shown at a glance first.
_IN_FULL = 5
_TILE = 96


def uploader() -> list[UploadedFile]:
    """Show where files are dropped and return them; new ones come before a linked image."""
    # Any type: a wrong ending would make Streamlit raise before this page runs.
    files = st.file_uploader(
        "Your images",
        accept_multiple_files=True,
        key="predict-files",
        on_change=uninterruptible(forget_example),
        help="Photos or drawings of anything; the network has learned to tell the classes of its "
        "data set apart, and answers with one of them whatever it is shown.",
    )
    st.caption(
        "PNG, JPEG, WebP, BMP or GIF; at most "
        f"{st.get_option('server.maxUploadSize')} MB and {MAX_PIXELS // 1_000_000} million pixels "
        "a file. They are not kept."
    )
    return files


def pick_fitting(info: DatasetInfo) -> Fitting:
    """Show the ways to make an image like those of a data set; the address holds those chosen."""
    with st.container(horizontal=True, gap="medium"):
        mode = _pick_mode()
        return Fitting(mode, _pick_inversion(info)) if info.dark_background else Fitting(mode)


def _pick_mode() -> FitMode:
    return render_choice(
        "fit",
        "Fitting",
        FITS,
        key="predict-fit",
        hint="How an image that isn't square is made so: the middle is cut out, it is distorted, "
        "or borders are added.",
        problem=lambda word: f"Images cannot be fitted by {word}: it is crop, stretch or pad.",
    )


def _pick_inversion(info: DatasetInfo) -> bool | None:
    chosen = render_choice(
        "invert",
        "Swap light and dark",
        INVERSIONS,
        key="predict-invert",
        hint=f"{info.title} shows things light on black, so an image with a light background is "
        "inverted, or the network would see something it has never learned from.",
        problem=lambda word: f"Light and dark cannot be swapped by {word}: it is auto, yes or no.",
    )
    return _INVERT[chosen]


def upload_answers(
    files: Sequence[ReadImage | BadFile],
    fit: Fitting,
    given: NDArray[np.float32],
    classes: Sequence[str],
) -> None:
    """A card for each file in its order; of many, a grid of all and the card of one.

    ``given`` float32 (images, classes): the probabilities for the readable ones, in their order.
    """
    if not files:
        return
    images = [file for file in files if isinstance(file, ReadImage)]
    bad = [file for file in files if isinstance(file, BadFile)]
    scroll_here([file.id for file in files], key="predict-answers")
    st.subheader(_counted(len(images), len(bad)), anchor="answers")
    if len(files) <= _IN_FULL:
        answers = iter(given)
        for file in files:
            if isinstance(file, BadFile):
                _say(file)
            else:
                upload_card(file, fit, next(answers), classes)
        return
    if images:
        st.caption("Click an image to see its probabilities.")
        chosen = _overview(images, fit, given, classes)
        upload_card(images[chosen], fit, given[chosen], classes)
    for file in bad:
        _say(file)


def _overview(
    images: Sequence[ReadImage],
    fit: Fitting,
    given: NDArray[np.float32],
    classes: Sequence[str],
) -> int:
    answers = [top(classes, one) for one in given]
    before = state.recall("predict-file")
    chosen = next((i for i, image in enumerate(images) if image.id == before), 0)
    clicked = image_grid(
        sprite(np.stack([image.prepared(fit).pixels for image in images])),
        key="predict-overview",
        labels=[f"{one.name} {format_probability(one.probability, 0)}" for one in answers],
        tooltips=[
            f"{image.name}: {one.name}, {format_probability(one.probability)}"
            for image, one in zip(images, answers, strict=True)
        ],
        colors=[class_color(one.index) for one in answers],
        size=_TILE,
        selected=chosen,
        description="Your images as the network saw them",
    )
    if clicked is None or clicked == chosen:
        return chosen
    state.remember("predict-file", images[clicked].id)
    return clicked


def _counted(images: int, bad: int) -> str:
    one_image, one_bad = images == 1, bad == 1
    if not bad:
        return "1 image added" if one_image else f"{images} images added"
    if not images:
        return "1 file that cannot be read" if one_bad else f"{bad} files that cannot be read"
    if one_bad:
        if one_image:
            return "1 image added, 1 file that cannot be read"
        return f"{images} images added, 1 file that cannot be read"
    if one_image:
        return f"1 image added, {bad} files that cannot be read"
    return f"{images} images added, {bad} files that cannot be read"


def _say(file: BadFile) -> None:
    st.error(escaped(file.problem), icon=":material/error:")


def read_files(
    files: Sequence[UploadedFile], info: DatasetInfo, image_shape: tuple[int, int, int]
) -> list[ReadImage | BadFile]:
    """Read all files in their order, and say how far it is when that takes long."""
    place, began = st.empty(), time.monotonic()
    read: list[ReadImage | BadFile] = []
    for number, file in enumerate(files):
        if time.monotonic() - began > _UNSAID:
            place.progress(
                number / len(files), text=f"Reading the images: {number} of {len(files)}"
            )
        try:
            read.append(_read(file.file_id, file.name, info.dark_background, image_shape, file))
        except ImageDecoderBusy as error:
            read.append(BadFile(file.file_id, file.name, str(error)))
    place.empty()
    return read


# Some hundred kilobytes each, forgotten within the hour: they are a person's own.
@st.cache_resource(max_entries=200, ttl=3600, show_spinner=False)
def _read(
    file_id: str,
    name: str,
    dark_background: bool,
    image_shape: tuple[int, int, int],
    _file: UploadedFile,
) -> ReadImage | BadFile:
    try:
        upload = decode(_file.getvalue(), name)
    except ImageDecoderBusy:
        # Not kept: it is tried again at the next click.
        raise
    except ImageUnreadable as error:
        # Kept as well: a damaged file of 20 MB would be read again at every click.
        return BadFile(file_id, name, str(error))
    return ReadImage(
        file_id,
        name,
        thumbnail=thumbnail(upload.rgb),
        fitted={
            mode: fit_picture(upload, image_shape, dark_background=dark_background, mode=mode)
            for mode in get_args(FitMode)
        },
        about=f"{upload.width:,} × {upload.height:,} pixels, {upload.format}",
    )


def thumbnail(rgb: NDArray[np.uint8], box: int = PICTURE) -> NDArray[np.uint8]:
    """An image, uint8 (h, w, 3), as large as ``box`` allows: enlarged by whole pixels only."""
    height, width = rgb.shape[:2]
    scale = box // max(height, width)
    if scale >= 1:
        return rgb.repeat(scale, axis=0).repeat(scale, axis=1)
    share = box / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.array(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def enlarged(pixels: NDArray[np.uint8], width: int = PICTURE) -> NDArray[np.uint8]:
    """A small image, uint8 (h, w, c), with each pixel a whole square."""
    scale = max(1, width // pixels.shape[1])
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def example_card(
    example: DatasetImage,
    given: NDArray[np.float32],
    classes: Sequence[str],
    *,
    note: str | None = None,
    **address: str,
) -> None:
    """An image of the data set with its true class; ``given`` float32 (classes,).

    ``note`` is a sentence about it; ``address`` leads to the same network on another page.
    """
    name = f"{example.title}, {classes[example.actual]}"
    with st.container(border=True, horizontal=True, gap="medium", key="predict-example"):
        with st.container(width=PICTURE):
            _picture(enlarged(example.pixels), name)
            st.caption("What the network saw, enlarged without smoothing")
        with st.container():
            st.markdown(f"#### {escaped(name)}")
            if note is not None:
                st.caption(note)
            _render_prediction(given, classes, "example", example.actual)
            with st.container(horizontal=True, gap="medium"):
                split, index = example.split, example.index
                link_to("inside", "See its feature maps", split=split, image=index, **address)
                link_to(
                    "samples",
                    "See it among the samples",
                    dataset=example.dataset,
                    split=split,
                    image=index,
                )


def upload_card(
    image: ReadImage, fitting: Fitting, given: NDArray[np.float32], classes: Sequence[str]
) -> None:
    """An uploaded image: as it came, as the network saw it, and the answer."""
    prepared = image.prepared(fitting)
    height, width = prepared.pixels.shape[:2]
    with st.container(border=True, horizontal=True, gap="medium", key=f"predict-{image.id}"):
        with st.container(width=PICTURE):
            _picture(image.thumbnail, f"{image.name} as uploaded")
            st.caption(f"As uploaded: {image.about}")
        with st.container(width=PICTURE):
            _picture(enlarged(prepared.pixels), f"{image.name} as the network saw it")
            st.caption(f"What the network saw: {width} × {height} pixels")
            for note in prepared.notes:
                st.caption(str(note))
        with st.container():
            st.markdown(f"#### {escaped(image.name)}")
            _render_prediction(given, classes, image.id)


def answer_in_words(ranked: Sequence[RankedClass], actual: int | None = None) -> str:
    """One or two sentences on the probabilities, ``ranked`` from the highest.

    ``actual`` is the true class's index where it is known.
    """
    first, second = ranked[0], ranked[1]
    name, next_name = escaped(first.name), escaped(second.name)
    if first.probability >= _SURE:
        words = f"The network is sure: **{name}**, {format_probability(first.probability)}."
    elif first.probability >= _LIKELY:
        words = (
            f"The network thinks it is **{name}**, {format_probability(first.probability)}; next "
            f"comes {next_name} with {format_probability(second.probability)}."
        )
    else:
        words = (
            f"The network is undecided: **{name}**, {format_probability(first.probability)}, "
            f"before {next_name} with {format_probability(second.probability)}."
        )
    if actual is None:
        return words
    if actual == first.index:
        return f"{words} That is right."
    own = next(one for one in ranked if one.index == actual)
    gives = format_probability(own.probability)
    return f"{words} That is wrong: it is {escaped(own.name)}, to which it gives {gives}."


def _render_prediction(
    given: NDArray[np.float32], classes: Sequence[str], key: str, actual: int | None = None
) -> None:
    st.markdown(answer_in_words(ranking(classes, given), actual), help=_SOFTMAX)
    chart(
        probabilities_figure(probabilities(classes, given, actual=actual)),
        key=f"predict-answer-{key}",
        file_name="prediction",
        description="Probability of each class",
    )


def _picture(pixels: NDArray[np.uint8], name: str) -> None:
    # As a PNG at once: Streamlit's own way takes five times as long to pack it.
    st.image(sprite(pixels[np.newaxis]).png, width=pixels.shape[1], alt=name)
