"""What a data set is: names, counts, shapes, sources and how its files are read."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from cifarviz.datasets.arrays import Collector
from cifarviz.datasets.sources import Archive, DebianPackage, NpmPackage

Language = Literal["en", "ko"]
Variant = Literal["sample", "full"]

LANGUAGES: Mapping[Language, str] = MappingProxyType({"en": "English", "ko": "한국어"})
"""The languages in which classes can have names, each by its own name."""


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256, in hex, of the C-order bytes of the four decoded arrays."""

    train_images: str
    train_labels: str
    test_images: str
    test_labels: str


@dataclass(frozen=True)
class FileFormat:
    """How the published files of a data set are found and decoded.

    ``caps`` gives every file name that may hold a part of the data set and the most bytes it may
    have. ``folders`` are where the files lie below a folder that a person, Keras or an unpacked
    archive has made; ``archives`` are patterns of the archives' names.
    """

    caps: Callable[["DatasetInfo"], Mapping[str, int]]
    collector: Callable[["DatasetInfo"], Collector]
    folders: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedImages:
    """Training images that a published experiment shows, in its order.

    ``indices`` are official ones; ``preset`` is the experiment's, ``code`` how it drew them.
    """

    indices: tuple[int, ...]
    preset: str
    code: str


@dataclass(frozen=True)
class DatasetInfo:
    """What is true of a data set wherever its bytes come from.

    ``classes`` are the English names of the labels 0, 1, …; ``translations`` the same in other
    languages, where there are any. ``image_shape`` is (height, width, channels), with 1 channel or
    3. ``train_images`` and ``test_images`` are counts. ``terms``: under what licence, in a
    sentence. ``fingerprints`` are ``None`` where nobody has published them: then the archives' MD5
    is what is checked, and afterwards that the arrays are what they were when they came.
    ``has_sample``: ``assets/NAME`` holds a sample. ``one_of_each``: official indices of test
    images that are easy to make out, one a class, in the order of the labels; a sample has them.
    ``dark_background``: its things are light on black. ``keras_module``: the name by which
    ``keras.datasets`` loads it. ``official`` are the archives of the authors' server, ``mirrors``
    the same of other servers. Raises ``ValueError`` for what no data set can be.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    train_images: int
    test_images: int
    file_format: FileFormat
    citation: str
    terms: str
    page: str
    translations: Mapping[Language, tuple[str, ...]] = field(default_factory=dict, hash=False)
    fingerprints: Fingerprints | None = None
    has_sample: bool = False
    one_of_each: tuple[int, ...] = ()
    dark_background: bool = False
    keras_module: str | None = None
    published_images: PublishedImages | None = None
    official: tuple[Archive, ...] = ()
    mirrors: tuple[tuple[Archive, ...], ...] = ()
    npm: NpmPackage | None = None
    debian: DebianPackage | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"{self.name} needs two classes or more, each with its own name.")
        # Commas stand between the names of classes in an address.
        if not all(name.strip() and "," not in name for name in self.classes):
            raise ValueError(f"Class names of {self.name} must not be empty or hold commas.")
        if any(len(names) != len(self.classes) for names in self.translations.values()):
            raise ValueError(f"{self.name} needs a name for each class in every language.")
        if min(self.image_shape) < 1 or self.image_shape[2] not in (1, 3):
            raise ValueError(f"Images of {self.name} must be (height, width, 1 or 3).")
        if min(self.train_images, self.test_images) < 1:
            raise ValueError(f"{self.name} needs training and test images.")

    def class_names(self, language: Language = "en") -> tuple[str, ...]:
        """Give the classes' names, in English where there are none in ``language``."""
        return self.translations.get(language, self.classes)

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages that the classes have names in."""
        return ("en", *self.translations)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What a run can be trained on: the embedded sample, where there is one, or all of it."""
        return ("sample", "full") if self.has_sample else ("full",)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that ``fetch`` can be told to ask, beside "auto" and a path."""
        has = {
            "keras": self.keras_module,
            "official": self.official,
            "npm": self.npm,
            "debian": self.debian,
        }
        return tuple(name for name, source in has.items() if source)

    @property
    def label_dtype(self) -> np.dtype:
        """The smallest type of whole numbers that holds every label."""
        return np.min_scalar_type(len(self.classes) - 1)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the four arrays, by the names of ``Fingerprints``."""
        return {
            "train_images": (self.train_images, *self.image_shape),
            "train_labels": (self.train_images,),
            "test_images": (self.test_images, *self.image_shape),
            "test_labels": (self.test_images,),
        }

    def dtype(self, array: str) -> np.dtype:
        """The type of one of the four arrays: bytes for pixels, ``label_dtype`` for labels."""
        return self.label_dtype if array.endswith("labels") else np.dtype(np.uint8)

    def array_bytes(self, array: str) -> int:
        """Bytes of one of the four arrays."""
        return math.prod(self.shapes[array]) * self.dtype(array).itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the four arrays together."""
        return sum(map(self.array_bytes, self.shapes))
