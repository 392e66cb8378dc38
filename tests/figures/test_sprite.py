"""Tiles come back out of the PNG as they went in."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cifarviz.figures.pictures import mean_image_sprite
from cifarviz.figures.sprite import Sprite, sprite


def tiles(made: Sprite) -> np.ndarray:
    sheet = np.asarray(Image.open(io.BytesIO(made.png)))
    out = []
    for i in range(made.count):
        top = i // made.columns * made.tile_height
        left = i % made.columns * made.tile_width
        out.append(sheet[top : top + made.tile_height, left : left + made.tile_width])
    return np.stack(out)


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 130),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.sampled_from([1, 3]),
)
def test_every_tile_is_the_image(count: int, height: int, width: int, channels: int) -> None:
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count, height, width, channels), dtype=np.uint8)
    made = sprite(images)
    assert (made.count, made.tile_width, made.tile_height) == (count, width, height)
    assert np.array_equal(tiles(made), images[..., 0] if channels == 1 else images)


def test_maps_need_no_channel_axis() -> None:
    maps = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    assert np.array_equal(tiles(sprite(maps)), maps)


def test_no_images_make_an_empty_sprite() -> None:
    assert sprite(np.zeros((0, 32, 32, 3), np.uint8)) == Sprite(b"", 1, 32, 32, 0)


@pytest.mark.parametrize(
    "images", [np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 4, 4, 2), np.uint8), np.zeros(3)]
)
def test_other_arrays_are_refused_with_a_message(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 images"):
        sprite(images)


def test_mean_images_are_rounded_and_a_class_without_images_is_black() -> None:
    means = np.stack([np.full((2, 2, 3), 100.6), np.full((2, 2, 3), np.nan)])
    assert tiles(mean_image_sprite(means))[:, 0, 0].tolist() == [[101, 101, 101], [0, 0, 0]]


def test_a_single_tall_image_is_the_whole_sprite() -> None:
    made = sprite(np.full((1, 40, 30, 3), 200, np.uint8))
    assert made.columns == 1
    assert Image.open(io.BytesIO(made.png)).size == (30, 40)


def test_a_palette_colours_one_channel() -> None:
    palette = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)
    places = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    found = sprite(places, palette)
    seen = np.asarray(Image.open(io.BytesIO(found.png)).convert("RGB"))
    assert found.count == 3
    np.testing.assert_array_equal(seen[:4, :4], palette[places[0]])
