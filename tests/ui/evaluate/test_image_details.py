"""The bars below an image, and their text."""

import numpy as np

from cifarviz.figures.theme import class_color
from cifarviz.ui.components.image_grid import TileBar
from cifarviz.ui.evaluate.image_details import tile_bars

CLASSES = ("cat", "dog", "frog", "ship")


def test_bars_are_ordered_and_include_the_actual_class() -> None:
    shares = np.array([[0.2, 0.7, 0.1, 0.0], [0.2, 0.7, 0.1, 0.0]], np.float16)
    result = tile_bars(CLASSES, shares, np.array([0, 3]))
    dog, cat = (TileBar(float(shares[0, index]), class_color(index)) for index in (1, 0))
    frog = TileBar(float(shares[0, 2]), class_color(2))
    assert result.bars[0] == [dog, cat._replace(marked=True), frog]
    # The actual class is the least likely of all: it replaces the third.
    assert result.bars[1] == [dog, cat, TileBar(0.0, class_color(3), marked=True)]
    assert result.texts == ["dog 70.0%, cat 20.0%, frog 10.0%", "dog 70.0%, cat 20.0%, ship < 0.1%"]
