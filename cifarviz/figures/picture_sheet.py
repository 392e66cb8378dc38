"""Small images in rows and columns as one picture, with room between them that is see-through."""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

_SMALLEST_TILE = 64
_GAP_SHARE = 12


def picture_sheet(images: Sequence[np.ndarray | None] | np.ndarray, columns: int) -> bytes:
    """A PNG of uint8 ``images`` (n, h, w, 1 or 3), ``columns`` in a row; ``None`` is left empty.

    Each is enlarged by a whole number to at least 64 pixels a side, without smoothing. Raises
    ``ValueError`` where there is no image, or no column.
    """
    known = [image for image in images if image is not None]
    if not known or columns < 1:
        raise ValueError(f"{len(known)} images in {columns} columns make no picture.")
    count = len(images)
    height, width, channels = known[0].shape
    scale = max(1, math.ceil(_SMALLEST_TILE / min(height, width)))
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    tall, wide = height * scale, width * scale
    gap = max(2, wide // _GAP_SHARE)
    sheet = np.zeros(
        (rows * (tall + gap) - gap, columns * (wide + gap) - gap, channels + 1), np.uint8
    )
    for place, image in enumerate(images):
        if image is None:
            continue
        tile = image.repeat(scale, axis=0).repeat(scale, axis=1)
        top, left = place // columns * (tall + gap), place % columns * (wide + gap)
        sheet[top : top + tall, left : left + wide, :channels] = tile
        sheet[top : top + tall, left : left + wide, channels] = 255
    file = io.BytesIO()
    Image.fromarray(sheet, "LA" if channels == 1 else "RGBA").save(file, "PNG", compress_level=1)
    return file.getvalue()
