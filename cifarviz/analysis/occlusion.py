"""How the probabilities of an image change when a grey patch covers a part of it.

After Zeiler and Fergus, arXiv 1311.2901.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PATCHES: Final = (1, 2, 4, 8, 12, 16)
"""Sides of the patch to choose from, in pixels."""
GREY: Final = 128
# Places a side: between them the picture is interpolated.
_PLACES = 16

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Returns the probabilities (n, classes) of raw images, uint8 (n, h, w, c)."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """``probabilities`` float32 (classes,) of the image, and ``covered`` (rows, columns, classes).

    ``covered`` holds those with a patch centred on each of a grid of places that are evenly spread
    over the image; at an edge less of the patch is inside.
    """

    probabilities: NDArray[np.float32]
    covered: NDArray[np.float32]

    def drops(self, class_index: int) -> NDArray[np.float32]:
        """How much less probable the class is with each place covered; negative: more."""
        return self.probabilities[class_index] - self.covered[..., class_index]


def cover(image: NDArray[np.uint8], patch: int) -> NDArray[np.uint8]:
    """Copies of ``image``, uint8 (rows, columns, h, w, c), each with a grey square.

    The square has sides of ``patch`` pixels around the place.
    """
    height, width, _ = image.shape
    tops, lefts = (_starts(side, patch) for side in (height, width))
    covered = np.tile(image, (len(tops), len(lefts), 1, 1, 1))
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            inside = slice(max(top, 0), top + patch), slice(max(left, 0), left + patch)
            covered[row, column][inside] = GREY
    return covered


def occlusion(image: NDArray[np.uint8], patch: int, predict: Predict) -> Occlusion:
    """The probabilities of ``image``, uint8 (h, w, c), as it is and with each place covered."""
    covered = cover(image, patch)
    rows, columns = covered.shape[:2]
    found = predict(np.concatenate([image[np.newaxis], covered.reshape(-1, *image.shape)]))
    return Occlusion(found[0], found[1:].reshape(rows, columns, -1))


def _starts(side: int, patch: int) -> list[int]:
    count = min(side, _PLACES)
    centres = (np.arange(count) + 0.5) * side / count
    return [math.floor(centre - patch / 2 + 0.5) for centre in centres.tolist()]
