"""The images of a data set with their labels and indices."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cifarviz.datasets.arrays import Labels
from cifarviz.datasets.info import DatasetInfo, Variant

Split = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels and their indices in the published data set.

    ``images`` uint8 (n, height, width, channels), pixels 0..255; ``labels`` uint8 or uint16 (n,);
    ``indices`` int64 (n,). All three are read-only. Raises ``ValueError`` if their shapes or types
    do not fit together.
    """

    images: npt.NDArray[np.uint8]
    labels: Labels
    indices: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(
                "images must be uint8 (n, height, width, channels), "
                f"not {self.images.dtype} {self.images.shape}"
            )
        count = len(self.images)
        if self.labels.dtype not in (np.uint8, np.uint16) or self.labels.shape != (count,):
            raise ValueError(
                f"labels must be uint8 or uint16 ({count},), "
                f"not {self.labels.dtype} {self.labels.shape}"
            )
        if self.indices.dtype != np.int64 or self.indices.shape != (count,):
            raise ValueError(
                f"indices must be int64 ({count},), not {self.indices.dtype} {self.indices.shape}"
            )
        # Views, so that the caller's arrays stay writeable.
        for name in ("images", "labels", "indices"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, positions: npt.ArrayLike) -> "ImageSet":
        """Return a new set of the images at these positions (0..n-1), in this order."""
        chosen = np.asarray(positions, dtype=np.int64)
        return ImageSet(self.images[chosen], self.labels[chosen], self.indices[chosen])

    def position_of(self, index: int) -> int | None:
        """Return the position of the image with this index, or ``None``."""
        positions = np.flatnonzero(self.indices == index)
        return int(positions[0]) if len(positions) else None

    def having(self, indices: Iterable[int]) -> "ImageSet":
        """Return the images with these indices, in this order; unknown indices are skipped."""
        positions = (self.position_of(index) for index in indices)
        return self.take([position for position in positions if position is not None])


@dataclass(frozen=True, eq=False)
class Dataset:
    """An opened data set, or its embedded sample."""

    info: DatasetInfo
    variant: Variant
    train: ImageSet
    test: ImageSet

    def split(self, name: Split) -> ImageSet:
        """Return the training or the test images."""
        return self.train if name == "train" else self.test
