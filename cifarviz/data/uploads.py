"""Strangers' images: any file a person may upload, made into RGB pixels or refused in words."""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from cifarviz.data.decoder_process import decode_in_process
from cifarviz.data.image_pixels import UploadedImage as UploadedImage
from cifarviz.errors import ImageUnreadable
from cifarviz.image_structure import MAX_PIXELS as MAX_PIXELS

MAX_BYTES = 50_000_000

FitMode = Literal["crop", "stretch", "pad"]


def decode(data: bytes, filename: str) -> UploadedImage:
    """Decode PNG, JPEG, WebP, BMP or GIF bytes of any mode and size up to 50 megapixels.

    16-bit values are scaled to 8, CMYK becomes RGB, transparent parts turn white, an animation
    gives its first frame, a photo is turned the way its EXIF data says: each with a note.
    Raises ``ImageUnreadable``, one sentence that names the file, for everything else, and for a
    file that takes more time or memory than such an image should.
    """
    name = _shown(filename)
    if not data:
        raise ImageUnreadable(f"“{name}” is empty. Choose an image file.")
    if len(data) > MAX_BYTES:
        raise ImageUnreadable(
            f"“{name}” has {len(data) / 1e6:,.0f} MB, and at most {MAX_BYTES / 1e6:,.0f} MB are "
            "taken. Make it smaller first."
        )
    return decode_in_process(data, name)


def decode_file(path: Path) -> UploadedImage:
    """Read an image file and decode it as ``decode`` does; raises ``ImageUnreadable``."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageUnreadable(f"{path} cannot be opened: {reason}.") from error
    return decode(data, path.name)


def fit_to(
    rgb: npt.NDArray[np.uint8],
    image_shape: tuple[int, int, int],
    mode: FitMode = "crop",
    *,
    invert: bool = False,
) -> npt.NDArray[np.uint8]:
    """Bring an image, uint8 (h, w, 3), to the shape a network takes, uint8 (height, width, c).

    "crop" keeps the middle, "stretch" distorts, "pad" adds borders of the image's mean colour.
    One channel means grey (ITU-R 601 luma). ``invert`` turns light into dark: a photo of a thing
    on white becomes one on black, as Fashion-MNIST shows them. An image that fits already, and
    isn't to be inverted, comes back as it is.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ValueError(f"image_shape must have 1 or 3 channels, not {channels}")
    image = Image.fromarray(np.ascontiguousarray(rgb))
    size = (width, height)
    if image.size != size:
        # Lanczos averages over all pixels it takes together, so shrinking doesn't flicker.
        filter_ = Image.Resampling.LANCZOS
        if mode == "crop":
            image = ImageOps.fit(image, size, filter_)
        elif mode == "pad":
            mean = tuple(int(value) for value in rgb.reshape(-1, 3).mean(axis=0).round())
            image = ImageOps.pad(image, size, filter_, color=mean)
        else:
            image = image.resize(size, filter_)
    pixels = np.array(image.convert("L") if channels == 1 else image)
    return (255 - pixels if invert else pixels).reshape(height, width, channels)


def has_light_background(rgb: npt.NDArray[np.uint8]) -> bool:
    """Say whether an image, uint8 (h, w, 3), is light at its edges, more than half of them."""
    edges = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return bool(np.median(edges.mean(axis=1)) > 127.5)


def _shown(filename: str) -> str:
    """Give the last part of a file name, without control characters and not too long."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if character.isprintable()) or "the file"
    return name if len(name) <= 80 else f"{name[:60]}…{name[-15:]}"
