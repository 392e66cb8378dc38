"""Heat over an image."""

import numpy as np

from cifarviz.figures.pictures import heat_overlay

IMAGE = np.full((32, 32, 3), 100, np.uint8)


def test_the_overlay_is_brightest_where_the_heat_is() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[0, 3] = 2
    picture = heat_overlay(IMAGE, heat, 2.0).astype(int).sum(axis=-1)
    assert picture.shape == (256, 256)
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    assert row < 64
    assert column > 192
    assert picture[200, 20] == picture.min()


def test_half_the_heat_is_less_bright_and_none_leaves_the_image() -> None:
    heat = np.ones((2, 2), np.float32)
    bright, half, none = (
        int(heat_overlay(IMAGE, factor * heat, most).astype(int).sum())
        for factor, most in ((1, 1.0), (1, 2.0), (0, 0.0))
    )
    assert bright > half > none > 0


def test_the_image_shows_through_in_grey_images_too() -> None:
    image = np.zeros((28, 28, 1), np.uint8)
    image[:, :14] = 255
    picture = heat_overlay(image, np.zeros((7, 7), np.float32), 1.0)
    assert picture.shape == (252, 252, 3)
    assert picture[100, 60].min() > picture[100, 200].max()
