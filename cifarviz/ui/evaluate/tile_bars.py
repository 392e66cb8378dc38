"""What a network says of each picture of a grid: short bars below it, and the same in words."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifarviz.figures.percent import sure_percent
from cifarviz.figures.theme import class_color
from cifarviz.ui.components.image_grid import TileBar

BARS_WORDS: Final = (
    "the three likeliest classes; the actual one is outlined, and takes the third place where it "
    "is less likely."
)
"""What the bars are, as the rest of a sentence."""

_BARS = 3


class TileBars(NamedTuple):
    """For each of k pictures its bars from top to bottom, and ``dog 98.4%, cat 1.6%, …``."""

    bars: list[list[TileBar]]
    words: list[str]


def tile_bars(
    classes: Sequence[str], probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> TileBars:
    """The likeliest classes of each picture, the actual one among them.

    ``probabilities`` are (k, classes), ``labels`` (k,) the actual classes.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :_BARS]
    unlikely = ~(order == labels[:, np.newaxis]).any(axis=1)
    order[unlikely, -1] = labels[unlikely]
    found = TileBars([], [])
    for named, shares, actual in zip(order, probabilities, labels, strict=True):
        given = [(int(index), float(shares[index])) for index in named]
        found.bars.append([TileBar(p, class_color(i), i == actual) for i, p in given])
        found.words.append(", ".join(f"{classes[i]} {sure_percent(p)}" for i, p in given))
    return found
