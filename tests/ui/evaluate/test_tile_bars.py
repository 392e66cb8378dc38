"""The bars below a picture: whose they are, and the same in words."""

import numpy as np

from cifarviz.figures.theme import class_color
from cifarviz.ui.components.image_grid import TileBar
from cifarviz.ui.evaluate.matrix import tile_bars

CLASSES = ("cat", "dog", "frog", "ship")


def test_the_likeliest_stand_in_order_and_the_actual_one_is_among_them() -> None:
    shares = np.array([[0.2, 0.7, 0.1, 0.0], [0.2, 0.7, 0.1, 0.0]], np.float16)
    found = tile_bars(CLASSES, shares, np.array([0, 3]))
    dog, cat = (TileBar(float(shares[0, one]), class_color(one)) for one in (1, 0))
    frog = TileBar(float(shares[0, 2]), class_color(2))
    assert found.bars[0] == [dog, cat._replace(marked=True), frog]
    # The actual class is the least likely of all: it stands in for the third.
    assert found.bars[1] == [dog, cat, TileBar(0.0, class_color(3), marked=True)]
    assert found.words == ["dog 70.0%, cat 20.0%, frog 10.0%", "dog 70.0%, cat 20.0%, ship < 0.1%"]
