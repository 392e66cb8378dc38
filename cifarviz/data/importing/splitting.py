"""Which images of an import are for training, and which for testing."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Split
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.importing.reading import FoundPictures
from cifarviz.errors import ImportRefused


def assign_splits(
    found: FoundPictures, labels: NDArray[np.uint16], options: ImportOptions
) -> tuple[dict[Split, list[int]], bool]:
    """Return the positions of training and test images, and whether the latter were drawn.

    Where the source does not say which are test images, each class gives its share, as nearly as
    equal pictures allow: they stay together, so that no test image is also a training image.
    """
    splits: list[Split | None] = list(found.splits)
    drawn = "test" not in splits
    if drawn:
        by_picture: dict[bytes, list[int]] = defaultdict(list)
        for position, digest in enumerate(found.digests):
            by_picture[digest].append(position)
        by_class: dict[int, list[list[int]]] = defaultdict(list)
        for positions in by_picture.values():
            classes = set(labels[positions].tolist())
            # A picture of two classes is a training image.
            if len(classes) == 1:
                by_class[classes.pop()].append(positions)
        random = np.random.default_rng(options.seed)
        for label in sorted(by_class):
            for positions in _draw_test_groups(by_class[label], options.test_share, random):
                for position in positions:
                    splits[position] = "test"
    order: dict[Split, list[int]] = {"train": [], "test": []}
    for position, split in enumerate(splits):
        order[split or "train"].append(position)
    if not order["train"] or not order["test"]:
        raise ImportRefused(
            "There are {train:,} training and {test:,} test images, and both are needed. Add "
            "pictures: at least two different ones of some class.",
            train=len(order["train"]),
            test=len(order["test"]),
        )
    return order, drawn


def _draw_test_groups(
    groups: list[list[int]], share: float, random: np.random.Generator
) -> Iterator[list[int]]:
    """Yield groups of a class with about this share of its pictures, at least one of two."""
    count = sum(map(len, groups))
    left = max(round(share * count), 1)
    shuffled = [groups[place] for place in random.permutation(len(groups)).tolist()]
    if min(map(len, groups)) > left:
        # No group fits: the smallest, unless it is most of the class.
        smallest = min(shuffled, key=len)
        if len(smallest) <= count // 2:
            yield smallest
        return
    taken = 0
    for group in shuffled:
        # One group stays for training.
        if len(group) <= left and taken < len(groups) - 1:
            left -= len(group)
            taken += 1
            yield group
