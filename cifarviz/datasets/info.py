"""The description of a data set: names, counts, shapes, sources and file formats."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from cifarviz.datasets.arrays import Collector
from cifarviz.datasets.sources import Archive, DebianPackage, NpmPackage
from cifarviz.errors import DatasetDamaged

Language = Literal["en", "ko"]
Variant = Literal["sample", "full"]

LANGUAGES: Mapping[Language, str] = MappingProxyType({"en": "English", "ko": "한국어"})
"""The languages of class names, each by its native name."""


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256, in hex, of the C-order bytes of the four decoded arrays."""

    train_images: str
    train_labels: str
    test_images: str
    test_labels: str

    @property
    def digest(self) -> str:
        """64 hex digits: 32 that tell training images and labels from others, and 32 for test."""
        parts = (self.train_images, self.train_labels), (self.test_images, self.test_labels)
        return "".join(hashlib.sha256(" ".join(part).encode()).hexdigest()[:32] for part in parts)


@dataclass(frozen=True)
class FileFormat:
    """How the published files of a data set are found and decoded.

    ``caps`` returns every file name that may hold a part of the data set, with its most bytes.
    ``folders`` are the usual subfolders of the files; ``archives`` are patterns of archive names.
    """

    caps: Callable[["DatasetInfo"], Mapping[str, int]]
    collector: Callable[["DatasetInfo"], Collector]
    folders: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedImages:
    """Training images that a published experiment shows, in its order.

    ``indices`` are those of the data set; ``preset`` is the experiment, ``code`` how it drew them.
    """

    indices: tuple[int, ...]
    preset: str
    code: str


@dataclass(frozen=True)
class DatasetInfo:
    """The facts about a data set, wherever its files come from.

    ``classes`` are the English names of the labels 0, 1, …; ``translations`` those in other
    languages. ``image_shape`` is (height, width, channels), with 1 or 3 channels. ``train_images``
    and ``test_images`` are counts. ``terms``: the licence, in a sentence. ``own``: imported on this
    machine, so that it has no published files and no ``file_format``, by ``owner`` (``None``: the
    teacher), who alone sees it unless it is ``shown``; ``derived_from``: the title
    of the data set whose images it has, if it was made of one. ``fingerprints`` are
    ``None`` if none are published: then the archives' MD5 is checked, and later that the arrays
    have not changed since they were fetched. ``has_sample``: ``assets/NAME`` holds a sample.
    ``one_of_each``: indices of clear test images, one per class in the order of the labels, which
    a sample includes. ``dark_background``: light objects on black. ``keras_module``: its name in
    ``keras.datasets``. ``official`` are the archives of the authors' server, ``mirrors`` the same
    archives on other servers. Raises ``ValueError`` for invalid facts.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    train_images: int
    test_images: int
    file_format: FileFormat | None = None
    citation: str = ""
    terms: str = ""
    page: str = ""
    translations: Mapping[Language, tuple[str, ...]] = field(default_factory=dict, hash=False)
    fingerprints: Fingerprints | None = None
    has_sample: bool = False
    one_of_each: tuple[int, ...] = ()
    dark_background: bool = False
    keras_module: str | None = None
    published_images: PublishedImages | None = None
    official: tuple[Archive, ...] = ()
    mirrors: tuple[tuple[Archive, ...], ...] = ()
    own: bool = False
    owner: str | None = None
    shown: bool = False
    derived_from: str = ""
    npm: NpmPackage | None = None
    debian: DebianPackage | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"{self.name} needs two classes or more, each with its own name.")
        # Class names are separated by commas in an address.
        if not all(name.strip() and "," not in name for name in self.classes):
            raise ValueError(f"Class names of {self.name} must not be empty or hold commas.")
        if any(len(names) != len(self.classes) for names in self.translations.values()):
            raise ValueError(f"{self.name} needs a name for each class in every language.")
        if min(self.image_shape) < 1 or self.image_shape[2] not in (1, 3):
            raise ValueError(f"Images of {self.name} must be (height, width, 1 or 3).")
        if min(self.train_images, self.test_images) < 1:
            raise ValueError(f"{self.name} needs training and test images.")

    def class_names(self, language: Language = "en") -> tuple[str, ...]:
        """Return the class names in ``language``, or in English if there are none."""
        return self.translations.get(language, self.classes)

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages of the class names."""
        return ("en", *self.translations)

    @property
    def fingerprint(self) -> str | None:
        """The ``digest`` of its fingerprints; ``None`` if they are unknown."""
        return None if self.fingerprints is None else self.fingerprints.digest

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants to train on: the embedded sample, if there is one, and the full set."""
        return ("sample", "full") if self.has_sample else ("full",)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of ``fetch``, besides "auto" and a path."""
        has = {
            "keras": self.keras_module,
            "official": self.official,
            "npm": self.npm,
            "debian": self.debian,
        }
        return tuple(name for name, source in has.items() if source)

    @property
    def label_dtype(self) -> np.dtype:
        """The smallest unsigned integer type that holds every label."""
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


def missing_files_error(info: DatasetInfo, place: str, names: Iterable[str]) -> DatasetDamaged:
    """Return the error for a folder or archive that lacks the published files ``names``."""
    return DatasetDamaged(
        "“{place}” does not hold all of {dataset}. Missing files: {missing}.",
        place=place,
        dataset=info.title,
        missing=", ".join(names),
    )
