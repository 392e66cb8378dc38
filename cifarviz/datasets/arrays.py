"""The arrays of a data set, and what decodes published files to them."""

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint8 | np.uint16]
"""Labels, one a class from 0 on: uint8 for up to 256 classes, uint16 for more."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Decoded images, uint8 (n, height, width, channels), and labels (n,)."""

    train_images: npt.NDArray[np.uint8]
    train_labels: Labels
    test_images: npt.NDArray[np.uint8]
    test_labels: Labels

    def items(self) -> list[tuple[str, npt.NDArray[np.uint8] | Labels]]:
        """Give (name, array) of each."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


ARRAY_NAMES = tuple(field.name for field in fields(Arrays))


class Collector(Protocol):
    """Takes the files of one source in any order, and gives the arrays when all have come."""

    def add(self, name: str, data: bytes) -> None:
        """Decode one file; raises ``DatasetDamaged`` when it is not what its name says."""

    def arrays(self, where: str) -> Arrays:
        """Give the arrays; raises ``DatasetNotFound`` without files, else ``DatasetDamaged``."""
