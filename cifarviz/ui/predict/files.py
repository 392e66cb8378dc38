"""Uploaded files, read once: what is shown of them and what the network takes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifarviz.data.pictures import FitMode, FittedPicture, PreparedPicture, fit_picture
from cifarviz.data.uploads import decode
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable

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
