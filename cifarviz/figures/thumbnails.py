"""Thousands of small pictures as one JPEG, for a canvas that draws them as points."""

import io
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

THUMBNAIL_SIDE: Final = 32
"""Pixels of the longer side of a thumbnail at most."""

# JPEG compresses squares of 8 × 8 pixels: in cells made of these no thumbnail shines through its
# neighbours.
_BLOCK = 8
_QUALITY = 88


@dataclass(frozen=True)
class Thumbnails:
    """A JPEG of ``count`` thumbnails in row-major order, each at the top left of its cell.

    ``width`` and ``height`` of a thumbnail, ``cell_width`` and ``cell_height`` in pixels.
    """

    jpeg: bytes
    columns: int
    width: int
    height: int
    cell_width: int
    cell_height: int
    count: int


def thumbnails(images: np.ndarray) -> Thumbnails:
    """Lay out ``images``, uint8 (n, h, w, 1 or 3), n > 0; larger ones are reduced.

    Raises ``ValueError`` for another shape or type.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(
            "Thumbnails are made of uint8 images (n, h, w, 1 or 3); "
            f"these are {images.dtype} {images.shape}."
        )
    small = _reduced(images)
    count, height, width, channels = small.shape
    cell_height, cell_width = (-(-side // _BLOCK) * _BLOCK for side in (height, width))
    columns = math.ceil(math.sqrt(count * cell_height / cell_width))
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, cell_height, cell_width, channels), np.uint8)
    # The edge is repeated, which compresses best.
    margins = ((0, 0), (0, cell_height - height), (0, cell_width - width), (0, 0))
    cells[:count] = np.pad(small, margins, "edge")
    sheet = cells.reshape(rows, columns, cell_height, cell_width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * cell_height, columns * cell_width, channels)
    file = io.BytesIO()
    picture = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    picture.save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return Thumbnails(file.getvalue(), columns, width, height, cell_width, cell_height, count)


def _reduced(images: np.ndarray) -> np.ndarray:
    longest = max(images.shape[1:3])
    if longest <= THUMBNAIL_SIDE:
        return images
    height, width = (max(1, round(side * THUMBNAIL_SIDE / longest)) for side in images.shape[1:3])
    grey = images.shape[3] == 1
    reduced = [
        np.asarray(Image.fromarray(image[..., 0] if grey else image).resize((width, height)))
        for image in images
    ]
    return np.stack(reduced).reshape(len(images), height, width, images.shape[3])
