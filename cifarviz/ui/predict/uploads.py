"""Uploaded images: read, fitted to the network, and one of them chosen."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifarviz.analysis.predictions import most_probable_class
from cifarviz.data.pictures import Crop, FitMode, FittedPicture, PreparedPicture, fit_picture
from cifarviz.data.uploads import MAX_PIXELS, UploadedImage, decode
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable
from cifarviz.figures.percent import format_probability
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.predict.example import clear_example
from cifarviz.ui.predict.picture import MAX_SIDE, ChosenNetwork, ChosenPicture, Source
from cifarviz.ui.query import render_choice
from cifarviz.ui.upload_sizes import MAX_PICTURE_MB

_FILES = "predict-files"
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
    image for each fit mode; ``about`` is its size and format; ``crop`` is the part that fit mode
    "crop" keeps.
    """

    id: str
    name: str
    thumbnail: NDArray[np.uint8]
    fitted: Mapping[FitMode, FittedPicture]
    about: str
    crop: Crop = field(default_factory=Crop)

    def prepare(self, options: FitOptions) -> PreparedPicture:
        """The network's input with these options."""
        return self.fitted[options.mode].prepare(options.invert)


@dataclass(frozen=True)
class BadFile:
    """A file that cannot be read as an image, and the reason in a sentence."""

    id: str
    name: str
    problem: str


FITS: dict[FitMode, str] = {"crop": "Crop", "stretch": "Stretch", "pad": "Pad"}
INVERSIONS = {"auto": "If background is light", "yes": "Always", "no": "Never"}
_INVERT = {"auto": None, "yes": True, "no": False}

_TILE = 96
# Pixels of a picture's longer side that are enough to cut parts out of it.
_SOURCE_SIDE = 1024


def has_files() -> bool:
    """Return whether files are chosen in the uploader."""
    return bool(state.peek(_FILES))


def render_uploader() -> list[UploadedFile]:
    """Render the file uploader and return its files; a new file replaces a linked image."""
    # Any type: Streamlit would raise for a wrong file extension before this page runs.
    files = st.file_uploader(
        "Your images",
        accept_multiple_files=True,
        key=_FILES,
        on_change=clear_example,
        max_upload_size=MAX_PICTURE_MB,
        help="Photos or drawings of anything. The network always predicts a class of its data "
        "set, whatever the image shows.",
    )
    st.caption(
        f"PNG, JPEG, WebP, BMP or GIF, up to {MAX_PICTURE_MB} MB and "
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


def choose_file(
    files: Sequence[ReadImage | BadFile],
    options: FitOptions,
    network: ChosenNetwork,
    *,
    chosen: bool,
) -> ChosenPicture | None:
    """Render the files, if there are several, and return the one that was chosen, if any.

    By default that is the first of ``files``. Files that cannot be read are reported. ``chosen``:
    whether any of them is to be judged; otherwise the grid is there to choose one.
    """
    if not files:
        return None
    images = [file for file in files if isinstance(file, ReadImage)]
    bad = [file for file in files if isinstance(file, BadFile)]
    scroll_here([file.id for file in files], key="predict-scroll")
    if len(files) > 1 or (images and not chosen):
        st.header(_format_counts(len(images), len(bad)), anchor="predictions")
    position = _recall_position(images) if images and chosen else None
    if len(images) > 1 or (images and not chosen):
        st.caption("Click an image to see its probabilities.")
        position = _render_overview(images, options, network, position)
    for file in bad:
        st.error(escaped(file.problem), icon=":material/error:")
    return None if position is None else chosen_picture(images[position], options)


def chosen_picture(
    file: ReadImage, options: FitOptions, came: Literal["uploaded", "taken"] = "uploaded"
) -> ChosenPicture:
    """Return the image as the picture that the page judges; ``came`` is how."""
    prepared = file.prepare(options)
    return ChosenPicture(
        id=f"{file.id}-{options.mode}-{prepared.inverted}-{file.crop}",
        name=file.name,
        pixels=prepared.pixels,
        source=Source(file.id, file.thumbnail, file.about, came, _crop_of(file, options)),
        notes=tuple(map(str, prepared.notes)),
    )


def _crop_of(file: ReadImage, options: FitOptions) -> Crop | None:
    return file.crop if options.mode == "crop" else None


def _recall_position(images: Sequence[ReadImage]) -> int:
    remembered = state.recall("predict-file")
    return next((i for i, image in enumerate(images) if image.id == remembered), 0)


def _render_overview(
    images: Sequence[ReadImage], options: FitOptions, network: ChosenNetwork, chosen: int | None
) -> int | None:
    pixels = np.stack([image.prepare(options).pixels for image in images])
    predictions = cache.trained_model(network.run, network.weights).probabilities(pixels)
    top_classes = [most_probable_class(network.names, predicted) for predicted in predictions]
    clicked = image_grid(
        sprite(pixels),
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
    if clicked is not None and clicked != chosen:
        state.remember("predict-file", images[clicked].id)
        clear_example()
        st.rerun()
    return chosen


def _format_counts(images: int, bad: int) -> str:
    added = "1 image added" if images == 1 else f"{images} images added"
    unreadable = "1 file that cannot be read"
    if bad != 1:
        unreadable = f"{bad} files that cannot be read"
    return ", ".join([added] * bool(images) + [unreadable] * bool(bad))


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
            found = _read(file.file_id, file.name, info.dark_background, image_shape, file)
            read.append(_with_crop(found, info.dark_background, image_shape, file))
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
        return read_image(file_id, name, dark_background, image_shape, _file.getvalue())
    except ImageDecoderBusy:
        # Not cached: it is tried again at the next rerun.
        raise
    except ImageUnreadable as error:
        # Cached: a damaged file of 20 MB would be read again at every rerun.
        return BadFile(file_id, name, str(error))


def read_image(
    file_id: str,
    name: str,
    dark_background: bool,
    image_shape: tuple[int, int, int],
    data: bytes,
    crop: Crop | None = None,
) -> ReadImage:
    """Decode a file and fit it to a network's input; raises ``ImageUnreadable``.

    ``crop`` is the part that fit mode "crop" keeps, by default the central one.
    """
    upload = decode(data, name)
    return ReadImage(
        file_id,
        name,
        thumbnail=thumbnail(upload.rgb),
        fitted={
            mode: fit_picture(
                upload, image_shape, dark_background=dark_background, mode=mode, crop=crop
            )
            for mode in get_args(FitMode)
        },
        about=f"{upload.width:,} × {upload.height:,} pixels, {upload.format}",
        crop=crop or Crop(),
    )


def _with_crop(
    image: ReadImage | BadFile,
    dark_background: bool,
    image_shape: tuple[int, int, int],
    file: UploadedFile,
) -> ReadImage | BadFile:
    """Return the image with the part of it that was chosen, if any."""
    crop = state.predict_memory().crops.get(image.id)
    if crop is None or isinstance(image, BadFile):
        return image
    source = _source(image.id, image.name, file)
    cropped = fit_picture(source, image_shape, dark_background=dark_background, crop=crop)
    return replace(image, fitted={**image.fitted, "crop": cropped}, crop=crop)


# Some megabytes each, so that dragging does not decode a photo again and again.
@st.cache_resource(max_entries=8, ttl=3600, show_spinner=False)
def _source(file_id: str, name: str, _file: UploadedFile) -> UploadedImage:
    upload = decode(_file.getvalue(), name)
    image = Image.fromarray(upload.rgb)
    image.thumbnail((_SOURCE_SIDE, _SOURCE_SIDE), Image.Resampling.LANCZOS)
    return replace(upload, rgb=np.asarray(image))


def thumbnail(rgb: NDArray[np.uint8], max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """An image, uint8 (h, w, 3), scaled to ``max_side``; enlarged only by whole factors."""
    height, width = rgb.shape[:2]
    if max_side >= max(height, width):
        return enlarge(rgb, max_side)
    share = max_side / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.array(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))
