"""Images enlarged, each with a box around a part of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""Top, left, bottom and right pixel, counted from 0; the last two are in it."""

_SIDE = 128
# Light with a dark rim: to be seen on any image.
_LINE, _RIM = (255, 214, 0), (0, 0, 0)
_WIDTH = 2


def marked_images(images: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """Enlarge uint8 images (n, h, w, 1 or 3), draw the box of each: uint8 (n, H, W, 3).

    They become about 128 pixels wide, a whole multiple, without smoothing. A line lies just
    outside its box, and at the image's edge inside it. Raises ``ValueError`` unless there is one
    box an image, in it.
    """
    if len(boxes) != len(images):
        raise ValueError(f"{len(boxes)} boxes for {len(images)} images.")
    _, height, width, _ = images.shape
    scale = max(1, _SIDE // width)
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    marked = np.broadcast_to(large, (*large.shape[:3], 3)).copy()
    for picture, (top, left, bottom, right) in zip(marked, boxes, strict=True):
        if not (0 <= top <= bottom < height and 0 <= left <= right < width):
            raise ValueError(
                f"The box from ({top}, {left}) to ({bottom}, {right}) is not in an image of "
                f"{height}×{width} pixels."
            )
        around = (top * scale, left * scale, (bottom + 1) * scale, (right + 1) * scale)
        _frame(picture, around, 2 * _WIDTH, _RIM)
        _frame(picture, around, _WIDTH, _LINE)
    return marked


def _frame(
    picture: NDArray[np.uint8],
    around: tuple[int, int, int, int],
    width: int,
    color: tuple[int, int, int],
) -> None:
    top, left, bottom, right = around
    height_all, width_all, _ = picture.shape
    # Where there is no pixel outside it, the line moves into the box.
    top, left = max(top, width), max(left, width)
    bottom, right = min(bottom, height_all - width), min(right, width_all - width)
    outer = slice(top - width, bottom + width), slice(left - width, right + width)
    inside = picture[top:bottom, left:right].copy()
    picture[outer] = color
    picture[top:bottom, left:right] = inside
