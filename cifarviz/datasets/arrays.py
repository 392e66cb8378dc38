"""The arrays of a data set, and the interface of decoders of published files."""

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint8 | np.uint16]
"""Labels, counted from 0: uint8 for up to 256 classes, uint16 for more."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Decoded images, uint8 (n, height, width, channels), and labels (n,)."""

    train_images: npt.NDArray[np.uint8]
    train_labels: Labels
    test_images: npt.NDArray[np.uint8]
    test_labels: Labels

    def items(self) -> list[tuple[str, npt.NDArray[np.uint8] | Labels]]:
        """Return (name, array) of each."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


ARRAY_NAMES = tuple(field.name for field in fields(Arrays))


class Collector(Protocol):
    """Takes the files of a source in any order and returns the arrays of all of them."""

    def add(self, name: str, data: bytes) -> None:
        """Decode a file; raises ``DatasetDamaged`` if it is not what its name says."""

    def arrays(self, where: str) -> Arrays:
        """Return the arrays; raises ``DatasetNotFound`` without files, ``DatasetDamaged``."""
