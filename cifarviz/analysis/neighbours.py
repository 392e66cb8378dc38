"""The training images that a network sees as most similar to a picture."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_IMAGES: Final = 20_000
_MAX_VALUES = 10_000_000


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest images: ``positions`` int64 (k,), and their ``distances`` (k,), ascending.

    A distance is 1 minus the cosine of the angle between two vectors: 0 to 2.
    """

    positions: NDArray[np.int64]
    distances: NDArray[np.float32]


class NeighbourIndex:
    """Finds the nearest of ``features``, float32 (n, values), a row an image, by brute force."""

    def __init__(self, features: NDArray[np.float32]) -> None:
        self._directions = _directions(features)

    def nearest(self, features: NDArray[np.float32], count: int) -> Neighbours:
        """Return the ``count`` nearest to ``features`` (values,); fewer where there are fewer."""
        distances = 1 - self._directions @ _directions(features[None])[0]
        positions = np.argsort(distances, kind="stable")[:count]
        return Neighbours(positions, np.maximum(distances[positions], 0))


def max_images(values: int) -> int:
    """Return how many images to search among, with so many features each (40 MB at most)."""
    return min(MAX_IMAGES, max(_MAX_VALUES // values, 1))


def _directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt((features**2).sum(axis=1, keepdims=True))
    # A vector of zeros has no direction: it is as far from everything.
    return (features / np.where(lengths > 0, lengths, 1)).astype(np.float32)
