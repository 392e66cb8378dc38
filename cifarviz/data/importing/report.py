"""What an import found, before and after it is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_NAMED: Final = 200
"""Of files that were skipped, and of pairs of pictures, so many are named; all are counted."""

FEW_IMAGES: Final = 20
"""A class of fewer training images is called small."""
_IMBALANCE: Final = 5
# Pictures look alike if at most so many of 64 rises differ, and their values, 0..255, by so much
# in the mean. Each is compared with so many neighbours in an order.
_FEW_RISES: Final = 4
_NEAR: Final = 3.0
_NEIGHBOURS: Final = 8


@dataclass(frozen=True)
class SkippedFile:
    """A file that was not taken, and why, in a few words."""

    file: str
    reason: str


@dataclass(frozen=True)
class ClassCount:
    """The images of a class."""

    name: str
    train: int
    test: int


@dataclass(frozen=True)
class ImportReport:
    """A data set as it would be stored, and what is remarkable about it.

    ``sizes``: pictures by the width and height of their files, the most frequent first.
    ``duplicates`` are pairs of the places of equal pictures, ``near_duplicates`` of pictures that
    differ by little, ``leaks`` of such pictures in both training and test images. Of each, and of
    ``skipped``, at most ``MOST_NAMED`` are named, and ``counts`` has how many there are.
    """

    name: str
    title: str
    format: str
    image_shape: tuple[int, int, int]
    classes: tuple[ClassCount, ...]
    sizes: tuple[tuple[str, int], ...]
    turned: int
    skipped: tuple[SkippedFile, ...]
    duplicates: tuple[tuple[str, str], ...]
    near_duplicates: tuple[tuple[str, str], ...]
    leaks: tuple[tuple[str, str], ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def train_images(self) -> int:
        return sum(count.train for count in self.classes)

    @property
    def test_images(self) -> int:
        return sum(count.test for count in self.classes)

    def warnings(self) -> tuple[str, ...]:
        """Return a sentence on each thing that makes training or its numbers doubtful."""
        found = list(self.notes)
        if leaks := self.counts.get("leaks", 0):
            found.append(
                f"{_pictures(leaks)} {_are(leaks)} both among training and test images, or almost: "
                "accuracy on them says nothing about new pictures."
            )
        if equal := self.counts.get("duplicates", 0):
            found.append(f"{_pictures(equal)} {_are(equal)} equal to another.")
        if near := self.counts.get("near_duplicates", 0):
            found.append(f"{_pictures(near)} {_are(near)} almost equal to another.")
        untested = [count.name for count in self.classes if count.test == 0]
        if untested:
            found.append(f"No test image: {quote_names(untested)}. Their accuracy will be unknown.")
        small = [count.name for count in self.classes if count.train < FEW_IMAGES]
        if small:
            found.append(
                f"Fewer than {FEW_IMAGES} training images: {quote_names(small)}. A network learns "
                "little from so few."
            )
        sizes = [count.train + count.test for count in self.classes]
        if max(sizes) > _IMBALANCE * min(sizes):
            largest = self.classes[int(np.argmax(sizes))].name
            smallest = self.classes[int(np.argmin(sizes))].name
            found.append(
                f"“{largest}” has {max(sizes) / min(sizes):.0f} times as many images as "
                f"“{smallest}”: a network may prefer the classes it saw most."
            )
        return tuple(found)

    def without_names(self) -> "ImportReport":
        """Return the report without names of files; the counts stay."""
        return replace(self, skipped=(), duplicates=(), near_duplicates=(), leaks=())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, the same in the description of the data set."""
        return {
            "name": self.name,
            "title": self.title,
            "format": self.format,
            "image_shape": list(self.image_shape),
            "classes": [
                {"name": count.name, "train": count.train, "test": count.test}
                for count in self.classes
            ],
            "images": self.train_images + self.test_images,
            "train_images": self.train_images,
            "test_images": self.test_images,
            "sizes": [{"size": size, "pictures": count} for size, count in self.sizes],
            "turned": self.turned,
            "skipped": [{"file": item.file, "reason": item.reason} for item in self.skipped],
            "skipped_count": self.counts.get("skipped", 0),
            "duplicates": [list(pair) for pair in self.duplicates],
            "duplicates_count": self.counts.get("duplicates", 0),
            "near_duplicates": [list(pair) for pair in self.near_duplicates],
            "near_duplicates_count": self.counts.get("near_duplicates", 0),
            "leaks": [list(pair) for pair in self.leaks],
            "leaks_count": self.counts.get("leaks", 0),
            "warnings": list(self.warnings()),
        }


def find_pairs(
    images: NDArray[np.uint8], digests: Sequence[bytes]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return pairs of equal and of almost equal images (n, h, w, c): positions, the first first.

    ``digests`` are equal for equal images. Almost equal images rise and fall in brightness at
    nearly the same places of a grid of 9 × 8, and have about the same values there. Of each image
    only neighbours in four orders of these rises are compared, so a few pairs may be missed.
    """
    first: dict[bytes, int] = {}
    equal = []
    for position, digest in enumerate(digests):
        if first.setdefault(digest, position) != position:
            equal.append((first[digest], position))
    positions = np.fromiter(first.values(), np.int64)
    small = np.stack([_small(images[position]) for position in positions])
    rises = np.packbits((small[..., 1:] > small[..., :-1]).reshape(len(small), -1), axis=1)
    marks = rises.view(">u8").ravel().astype(np.uint64)
    twins: dict[int, int] = {}
    for turn in (0, 16, 32, 48):
        turned = (
            marks if turn == 0 else (marks << np.uint64(turn)) | (marks >> np.uint64(64 - turn))
        )
        order = np.argsort(turned, kind="stable")
        for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
            left, right = order[:-step], order[step:]
            alike = np.bitwise_count(marks[left] ^ marks[right]) <= _FEW_RISES
            left, right = left[alike], right[alike]
            distance = np.abs(small[left].astype(np.int16) - small[right]).mean((1, 2))
            for pair in np.stack([left, right], 1)[distance <= _NEAR].tolist():
                twins[max(pair)] = min(min(pair), twins.get(max(pair), len(marks)))
    near = [(int(positions[twin]), int(positions[place])) for place, twin in twins.items()]
    return equal, sorted(near, key=lambda pair: pair[1])


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("L")
    return np.asarray(grey.resize((9, 8), Image.Resampling.BOX))


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def quote_names(names: Sequence[str]) -> str:
    """Return the first five names in quotation marks, and how many more there are."""
    quoted = [f"“{name}”" for name in names[:5]]
    more = len(names) - len(quoted)
    return ", ".join(quoted) + (f" and {more} more" if more else "")
