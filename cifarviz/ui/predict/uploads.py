"""Uploaded images and their predictions."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifarviz.analysis.predictions import RankedClass, most_probable_class, rank_classes
from cifarviz.data.pictures import FitMode, FittedPicture, PreparedPicture, fit_picture
from cifarviz.data.uploads import MAX_PIXELS, decode
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable
from cifarviz.figures.percent import format_probability
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import state
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.dataset_images import DatasetImage
from cifarviz.ui.navigation import link_to
from cifarviz.ui.predict.example import clear_example
from cifarviz.ui.query import render_choice

MAX_SIDE: Final = 224
"""CSS pixels that a picture may be wide and high; a multiple of the data sets' own sizes."""

# Seconds before the progress of reading is shown.
_PROGRESS_DELAY = 0.3


@dataclass(frozen=True)
class FitOptions:
    """How images are fitted to the network's input: arguments of ``prepare_picture``."""

    mode: FitMode = "crop"
    invert: bool | None = None


@dataclass(frozen=True, eq=False)
class ReadImage:
    """An uploaded image, as shown and fitted to the network's input.

    ``thumbnail`` uint8 (h, w, 3) has at most ``MAX_SIDE`` pixels per side; ``fitted`` has the
    image for each fit mode; ``about`` is its size and format.
    """

    id: str
    name: str
    thumbnail: NDArray[np.uint8]
    fitted: Mapping[FitMode, FittedPicture]
    about: str

    def prepare(self, options: FitOptions) -> PreparedPicture:
        """The network's input with these options."""
        return self.fitted[options.mode].prepare(options.invert)


@dataclass(frozen=True)
class BadFile:
    """A file that cannot be read as an image, and the reason in a sentence."""

    id: str
    name: str
    problem: str


_CONFIDENT = 0.9
_LIKELY = 0.5
_SOFTMAX = (
    "Softmax, the activation of the last layer, turns the scores into probabilities that add up to "
    "100%."
)
FITS: dict[FitMode, str] = {"crop": "Crop", "stretch": "Stretch", "pad": "Pad"}
INVERSIONS = {"auto": "If background is light", "yes": "Always", "no": "Never"}
_INVERT = {"auto": None, "yes": True, "no": False}

# Largest number of files with a card each.
_MAX_CARDS = 5
_TILE = 96


def render_uploader() -> list[UploadedFile]:
    """Render the file uploader and return its files; a new file replaces a linked image."""
    # Any type: Streamlit would raise for a wrong file extension before this page runs.
    files = st.file_uploader(
        "Your images",
        accept_multiple_files=True,
        key="predict-files",
        on_change=clear_example,
        help="Photos or drawings of anything. The network always predicts a class of its data "
        "set, whatever the image shows.",
    )
    st.caption(
        f"PNG, JPEG, WebP, BMP or GIF, up to {st.get_option('server.maxUploadSize')} MB and "
        f"{MAX_PIXELS // 1_000_000} million pixels per file. Files are not stored."
    )
    return files


def pick_fit_options(info: DatasetInfo) -> FitOptions:
    """Render the choices of fitting; the address holds them as ``fit`` and ``invert``."""
    with st.container(horizontal=True, gap="medium"):
        mode = render_choice(
            "fit",
            "Fit to square",
            FITS,
            key="predict-fit",
            hint="Crop cuts out the central square, stretch distorts the image, pad adds borders.",
            problem=lambda word: f"Images cannot be fitted by {word}. Use crop, stretch or pad.",
        )
        if not info.dark_background:
            return FitOptions(mode)
        inversion = render_choice(
            "invert",
            "Swap light and dark",
            INVERSIONS,
            key="predict-invert",
            hint=f"Images of {info.title} are light on black. Images with a light background are "
            "inverted to match.",
            problem=lambda word: (
                f"Light and dark cannot be swapped by {word}. Use auto, yes or no."
            ),
        )
        return FitOptions(mode, _INVERT[inversion])


def render_uploads(
    files: Sequence[ReadImage | BadFile],
    options: FitOptions,
    predictions: NDArray[np.float32],
    classes: Sequence[str],
) -> None:
    """Render a card per file in order, or for many a grid of all and the card of one.

    ``predictions`` float32 (images, classes): the probabilities of the readable files, in
    their order.
    """
    if not files:
        return
    images = [file for file in files if isinstance(file, ReadImage)]
    bad = [file for file in files if isinstance(file, BadFile)]
    scroll_here([file.id for file in files], key="predict-answers")
    st.header(_format_counts(len(images), len(bad)), anchor="answers")
    if len(files) <= _MAX_CARDS:
        remaining = iter(predictions)
        for file in files:
            if isinstance(file, BadFile):
                _render_bad_file(file)
            else:
                render_upload_card(file, options, next(remaining), classes)
        return
    if images:
        st.caption("Click an image to see its probabilities.")
        chosen = _render_overview(images, options, predictions, classes)
        render_upload_card(images[chosen], options, predictions[chosen], classes)
    for file in bad:
        _render_bad_file(file)


def _render_overview(
    images: Sequence[ReadImage],
    options: FitOptions,
    predictions: NDArray[np.float32],
    classes: Sequence[str],
) -> int:
    top_classes = [most_probable_class(classes, predicted) for predicted in predictions]
    remembered = state.recall("predict-file")
    chosen = next((i for i, image in enumerate(images) if image.id == remembered), 0)
    clicked = image_grid(
        sprite(np.stack([image.prepare(options).pixels for image in images])),
        key="predict-overview",
        labels=[
            f"{predicted.name} {format_probability(predicted.probability, 0)}"
            for predicted in top_classes
        ],
        tooltips=[
            f"{image.name}: {predicted.name}, {format_probability(predicted.probability)}"
            for image, predicted in zip(images, top_classes, strict=True)
        ],
        colors=[class_color(predicted.index) for predicted in top_classes],
        size=_TILE,
        selected=chosen,
        description="Your images as the network sees them",
    )
    if clicked is None or clicked == chosen:
        return chosen
    state.remember("predict-file", images[clicked].id)
    return clicked


def _format_counts(images: int, bad: int) -> str:
    added = "1 image added" if images == 1 else f"{images} images added"
    unreadable = "1 file that cannot be read"
    if bad != 1:
        unreadable = f"{bad} files that cannot be read"
    return ", ".join([added] * bool(images) + [unreadable] * bool(bad))


def _render_bad_file(file: BadFile) -> None:
    st.error(escaped(file.problem), icon=":material/error:")


def read_files(
    files: Sequence[UploadedFile], info: DatasetInfo, image_shape: tuple[int, int, int]
) -> list[ReadImage | BadFile]:
    """Read all files in order, with a progress bar if it takes long."""
    progress, start = st.empty(), time.monotonic()
    read: list[ReadImage | BadFile] = []
    for number, file in enumerate(files):
        if time.monotonic() - start > _PROGRESS_DELAY:
            progress.progress(number / len(files), text=f"Reading images: {number} of {len(files)}")
        try:
            read.append(_read(file.file_id, file.name, info.dark_background, image_shape, file))
        except ImageDecoderBusy as error:
            read.append(BadFile(file.file_id, file.name, str(error)))
    progress.empty()
    return read


# Some hundred kilobytes each, deleted within the hour because they are personal.
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
        # Not cached: it is tried again at the next rerun.
        raise
    except ImageUnreadable as error:
        # Cached: a damaged file of 20 MB would be read again at every rerun.
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


def thumbnail(rgb: NDArray[np.uint8], max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """An image, uint8 (h, w, 3), scaled to ``max_side``; enlarged only by whole factors."""
    height, width = rgb.shape[:2]
    if max_side >= max(height, width):
        return enlarge(rgb, max_side)
    share = max_side / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.array(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def render_example_card(
    example: DatasetImage,
    predictions: NDArray[np.float32],
    classes: Sequence[str],
    *,
    note: str | None = None,
    **address: str,
) -> None:
    """Render an image of the data set with its prediction, float32 (classes,).

    ``note`` is a sentence about it; ``address`` identifies the network on other pages.
    """
    name = f"{example.title}, {classes[example.actual]}"
    with st.container(border=True, horizontal=True, gap="medium", key="predict-example"):
        with st.container(width=MAX_SIDE):
            _picture(enlarge(example.pixels, MAX_SIDE), name)
            st.caption("Input of the network, enlarged without smoothing")
        with st.container():
            st.markdown(f"## {escaped(name)}")
            if note is not None:
                st.caption(note)
            _render_prediction(predictions, classes, "example", example.actual)
            with st.container(horizontal=True, gap="medium"):
                split, index = example.split, example.index
                link_to("inside", "See its feature maps", split=split, image=index, **address)
                link_to(
                    "samples",
                    "See it on the Samples page",
                    dataset=example.dataset,
                    split=split,
                    image=index,
                )


def render_upload_card(
    image: ReadImage, options: FitOptions, predictions: NDArray[np.float32], classes: Sequence[str]
) -> None:
    """Render an uploaded image: as uploaded, as input of the network, and its prediction."""
    prepared = image.prepare(options)
    height, width = prepared.pixels.shape[:2]
    with st.container(border=True, horizontal=True, gap="medium", key=f"predict-{image.id}"):
        with st.container(width=MAX_SIDE):
            _picture(image.thumbnail, f"{image.name} as uploaded")
            st.caption(f"As uploaded: {image.about}")
        with st.container(width=MAX_SIDE):
            _picture(enlarge(prepared.pixels, MAX_SIDE), f"{image.name} as the network sees it")
            st.caption(f"Input of the network: {width} × {height} pixels")
            for note in prepared.notes:
                st.caption(str(note))
        with st.container():
            st.markdown(f"### {escaped(image.name)}")
            _render_prediction(predictions, classes, image.id)


def format_prediction(ranked: Sequence[RankedClass], actual: int | None = None) -> str:
    """The probabilities in one or two sentences; ``ranked`` from the highest.

    ``actual`` is the index of the true class, if known.
    """
    first, second = ranked[0], ranked[1]
    name, next_name = escaped(first.name), escaped(second.name)
    if first.probability >= _CONFIDENT:
        text = f"The network is confident: **{name}**, {format_probability(first.probability)}."
    elif first.probability >= _LIKELY:
        text = (
            f"The network predicts **{name}**, {format_probability(first.probability)}, then "
            f"{next_name}, {format_probability(second.probability)}."
        )
    else:
        text = (
            f"The network is unsure: **{name}**, {format_probability(first.probability)}, or "
            f"{next_name}, {format_probability(second.probability)}."
        )
    if actual is None:
        return text
    if actual == first.index:
        return f"{text} Correct."
    true_class = next(ranked_class for ranked_class in ranked if ranked_class.index == actual)
    return (
        f"{text} Wrong: it is {escaped(true_class.name)}, predicted with "
        f"{format_probability(true_class.probability)}."
    )


def _render_prediction(
    predictions: NDArray[np.float32], classes: Sequence[str], key: str, actual: int | None = None
) -> None:
    st.markdown(format_prediction(rank_classes(classes, predictions), actual), help=_SOFTMAX)
    chart(
        probabilities_figure(probabilities(classes, predictions, actual=actual)),
        key=f"predict-answer-{key}",
        file_name="prediction",
        description="Probability of each class",
    )


def _picture(pixels: NDArray[np.uint8], name: str) -> None:
    # Streamlit's own encoding of a PNG takes five times as long.
    st.image(sprite(pixels[np.newaxis]).png, width=pixels.shape[1], alt=name)
