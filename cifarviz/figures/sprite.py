"""Sprites: many small images as one picture, which a page draws much faster."""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

_MAX_COLUMNS = 64


@dataclass(frozen=True)
class Sprite:
    """A PNG of ``count`` tiles in row-major order; sizes in pixels of the PNG."""

    png: bytes
    columns: int
    tile_width: int
    tile_height: int
    count: int


def sprite(images: np.ndarray, palette: np.ndarray | None = None) -> Sprite:
    """Lay out ``images``, uint8 (n, h, w, c) or (n, h, w), c 1 or 3, in one lossless PNG.

    With a ``palette``, uint8 (256, 3), the values of a single channel are indices into it. No
    images give a sprite with ``count`` 0 and an empty ``png``.
    Raises ``ValueError`` for another shape or type.
    """
    pixels = np.asarray(images)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        raise ValueError(
            "A sprite is made of uint8 images (n, h, w, 1 or 3); "
            f"these are {images.dtype} {images.shape}."
        )
    count, height, width, channels = pixels.shape
    if count == 0:
        return Sprite(b"", 1, width, height, 0)
    columns = min(_MAX_COLUMNS, count, math.ceil(math.sqrt(count * height / width)))
    rows = math.ceil(count / columns)
    padded = np.zeros((rows * columns, height, width, channels), np.uint8)
    padded[:count] = pixels
    sheet = padded.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    file = io.BytesIO()
    picture = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    if palette is not None:
        picture.putpalette(palette.tobytes())
    picture.save(file, "PNG", compress_level=1)
    return Sprite(file.getvalue(), columns, width, height, count)


def enlarge(pixels: np.ndarray, side: int) -> np.ndarray:
    """Enlarge an image (h, w, c) by the largest whole number that fits ``side`` × ``side``.

    Without smoothing. An image that is larger is unchanged.
    """
    scale = max(1, side // max(pixels.shape[:2]))
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)
