"""Which images of an import are for training, and which for testing."""

import itertools
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
    equal pictures and those of one group allow: they stay together, so that no test image is also a
    training image, or almost. Of a class that is one group, the last pictures become test images.
    """
    splits: list[Split | None] = list(found.splits)
    drawn = "test" not in splits
    if drawn:
        by_class: dict[int, list[list[int]]] = defaultdict(list)
        for positions in _find_groups(found):
            classes = set(labels[positions].tolist())
            # A picture of two classes is a training image.
            if len(classes) == 1:
                by_class[classes.pop()].append(positions)
        random = np.random.default_rng(options.seed)
        for label in sorted(by_class):
            groups = by_class[label]
            if len(groups) == 1 and found.groups[groups[0][0]]:
                count = max(round(options.test_share * len(groups[0])), 1)
                groups = [groups[0][:-count], groups[0][-count:]]
                drawn_groups = groups[1:] if groups[0] else []
            else:
                drawn_groups = list(_draw_test_groups(groups, options.test_share, random))
            for position in itertools.chain.from_iterable(drawn_groups):
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


def _find_groups(found: FoundPictures) -> list[list[int]]:
    """Return the positions that stay together: of equal pictures, and of groups of the source."""
    first: dict[bytes | str, int] = {}
    leaders = list(range(len(found)))

    def leader(position: int) -> int:
        while leaders[position] != position:
            leaders[position] = position = leaders[leaders[position]]
        return position

    for position, group in enumerate(found.groups):
        marks: list[bytes | str] = [found.digests[position], *filter(None, [group])]
        for mark in marks:
            one, other = leader(first.setdefault(mark, position)), leader(position)
            leaders[max(one, other)] = min(one, other)
    groups: dict[int, list[int]] = defaultdict(list)
    for position in range(len(found)):
        groups[leader(position)].append(position)
    return list(groups.values())


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
