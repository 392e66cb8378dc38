"""The values that hold the images of a data set."""

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
    """Images with their labels and the index each has in the published data set.

    ``images`` uint8 (n, height, width, channels), pixels 0..255; ``labels`` uint8 or uint16 (n,);
    ``indices`` int64 (n,). All three are read-only. Raises ``ValueError`` when they do not fit
    together.
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
        # Views, so that the caller's own arrays keep the right to be written.
        for name in ("images", "labels", "indices"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, positions: npt.ArrayLike) -> "ImageSet":
        """Give the images at these positions (0..n-1), in this order, as a set of their own."""
        chosen = np.asarray(positions, dtype=np.int64)
        return ImageSet(self.images[chosen], self.labels[chosen], self.indices[chosen])

    def position_of(self, index: int) -> int | None:
        """Give the position of the image with this official index, None if it is not here."""
        found = np.flatnonzero(self.indices == index)
        return int(found[0]) if len(found) else None

    def having(self, indices: Iterable[int]) -> "ImageSet":
        """Give the images with these official indices, in this order, as far as they are here."""
        found = (self.position_of(index) for index in indices)
        return self.take([position for position in found if position is not None])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, or the sample of one, ready to be looked at and trained on."""

    info: DatasetInfo
    variant: Variant
    train: ImageSet
    test: ImageSet

    def split(self, name: Split) -> ImageSet:
        """Give the training or the test images."""
        return self.train if name == "train" else self.test
