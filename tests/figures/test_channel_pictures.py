"""Pictures of an opened channel: maps on one scale, and images with a box."""

import numpy as np
import pytest
from plotly.colors import hex_to_rgb, sequential

from cifarviz.figures.channel_map import channel_map, channel_map_figure
from cifarviz.figures.pictures import common_scale, map_pictures, marked_images

DARK, BRIGHT = (np.array(hex_to_rgb(sequential.Viridis[place])) for place in (0, -1))


def test_a_constant_channel_shows_its_value_instead_of_a_scale() -> None:
    for value, words in ((0.0, "0 everywhere"), (-1.5, "−1.5 everywhere")):
        figure = channel_map_figure(channel_map(np.full((4, 4), value)))
        assert figure.data[0].showscale is False
        assert figure.layout.annotations[0].text == words
        assert (figure.data[0].z == value).all()
    figure = channel_map_figure(channel_map(np.eye(4)))
    assert figure.data[0].showscale is not False
    assert not figure.layout.annotations


def test_maps_share_one_scale() -> None:
    maps = np.array([[[0, 1]], [[2, 4]]], np.float32)
    assert common_scale(maps) == (0, 4)
    pictures = map_pictures(maps)
    assert pictures.shape == (2, 1, 2, 3)
    np.testing.assert_array_equal(pictures[0, 0, 0], DARK)
    np.testing.assert_array_equal(pictures[1, 0, 1], BRIGHT)
    # A smaller part of the same scale looks the same alone beside what stretches it.
    middle = map_pictures(np.array([[[0, 2, 4]]], np.float32))[0, 0, 1]
    np.testing.assert_array_equal(pictures[1, 0, 0], middle)


@pytest.mark.filterwarnings("error")
def test_nan_does_not_affect_the_scale() -> None:
    maps = np.array([[[np.nan, np.inf, -np.inf, 1, 3]]], np.float32)
    assert common_scale(maps) == (1, 3)
    pictures = map_pictures(maps)[0, 0]
    for place, color in ((0, DARK), (1, BRIGHT), (2, DARK), (3, DARK), (4, BRIGHT)):
        np.testing.assert_array_equal(pictures[place], color)
    assert common_scale(np.full((1, 2, 2), np.nan, np.float32)) == (0, 0)
    huge = np.array([[[-3e38, 3e38]]], np.float32)
    np.testing.assert_array_equal(map_pictures(huge)[0, 0, 1], BRIGHT)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_box_is_drawn_around_its_pixels_and_hides_none(channels: int) -> None:
    images = np.full((2, 32, 32, channels), 90, np.uint8)
    marked = marked_images(images, [(8, 10, 15, 12), (0, 0, 31, 31)])
    assert marked.shape == (2, 128, 128, 3)
    assert marked.dtype == np.uint8
    changed = (marked[0] != 90).any(axis=-1)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # Four pixels of frame outside rows 8 to 15 and columns 10 to 12, four times as large.
    assert (rows[0], rows[-1]) == (8 * 4 - 4, 16 * 4 + 3)
    assert (columns[0], columns[-1]) == (10 * 4 - 4, 13 * 4 + 3)
    assert not changed[8 * 4 : 16 * 4, 10 * 4 : 13 * 4].any()
    assert tuple(marked[0, 8 * 4 - 1, 11 * 4]) == (255, 214, 0)
    # Around the whole image there is no room outside.
    edge = (marked[1] != 90).any(axis=-1)
    assert edge[0].all()
    assert edge[:, -1].all()
    assert not edge[4:-4, 4:-4].any()


def test_a_pixel_in_a_corner_has_a_box() -> None:
    marked = marked_images(np.zeros((1, 32, 32, 3), np.uint8), [(31, 0, 31, 0)])[0]
    assert (marked[-8:, :8] == (255, 214, 0)).all(axis=-1).any()
    assert not marked[:-16].any()


def test_boxes_that_do_not_fit_are_refused() -> None:
    images = np.zeros((1, 8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="2 boxes for 1 images"):
        marked_images(images, [(0, 0, 1, 1)] * 2)
    with pytest.raises(ValueError, match="not in an image of 8×8"):
        marked_images(images, [(0, 0, 8, 1)])
