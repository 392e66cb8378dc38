"""Thumbnails: each picture at its place, and nothing of it beside it."""

import io

import numpy as np
import pytest
from PIL import Image

from cifarviz.figures.thumbnails import Thumbnails, thumbnails


def cell(made: Thumbnails, number: int) -> np.ndarray:
    """The pixels of a thumbnail, as a browser cuts them out."""
    sheet = np.asarray(Image.open(io.BytesIO(made.jpeg)).convert("RGB"))
    row, column = divmod(number, made.columns)
    top, left = row * made.cell_height, column * made.cell_width
    return sheet[top : top + made.height, left : left + made.width]


@pytest.mark.parametrize("shape", [(32, 32, 3), (28, 28, 1), (9, 20, 3), (96, 64, 3)])
def test_each_thumbnail_has_the_colour_of_its_image(shape: tuple[int, int, int]) -> None:
    # The most different neighbours there can be.
    values = np.where(np.arange(23) % 3 == 0, 255, np.arange(23) * 4).astype(np.uint8)
    images = np.ones((23, *shape), np.uint8) * values[:, None, None, None]
    made = thumbnails(images)
    assert made.count == 23
    assert max(made.width, made.height) == min(32, max(shape[:2]))
    assert made.width * shape[0] == pytest.approx(made.height * shape[1], rel=0.1)
    for number, value in enumerate(values):
        assert np.abs(cell(made, number).astype(int) - value).max() <= 2


def test_scaled_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        thumbnails(np.zeros((2, 8, 8, 3)))
