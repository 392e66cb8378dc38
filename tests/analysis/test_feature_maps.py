from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cifarviz.analysis.feature_maps import (
    channel_order,
    layer_views,
    scale_channels,
    scale_to_range,
    value_range,
)


@dataclass
class Output:
    name: str
    type: str
    values: np.ndarray


def published_recipe(channel: np.ndarray) -> np.ndarray:
    """Reference experiment 2, line by line, for one live channel (height, width)."""
    channel = channel.astype(np.float64)
    channel -= channel.mean()
    channel /= channel.std()
    channel *= 64
    channel += 128
    return np.clip(channel, 0, 255).astype("uint8")


def test_a_live_channel_is_scaled_as_published() -> None:
    values = np.random.default_rng(1).normal(3, 5, (16, 12, 40)).astype(np.float32)

    scaled = scale_channels(values)

    assert scaled.images.shape == (40, 16, 12, 1)
    assert scaled.images.dtype == np.uint8
    expected = np.stack([published_recipe(values[..., c]) for c in range(40)])[..., np.newaxis]
    # A value that falls on a whole number may be cut to the one below it.
    assert np.abs(scaled.images.astype(int) - expected).max() <= 1
    assert (scaled.images == expected).mean() > 0.999
    assert scaled.dead == ()
    assert scaled.not_finite == ()


def test_two_values_become_one_deviation_below_and_above() -> None:
    values = np.array([[[2.0], [10.0]], [[10.0], [2.0]]], np.float32)

    assert scale_channels(values).images[0, ..., 0].tolist() == [[64, 192], [192, 64]]


def test_outliers_are_clipped() -> None:
    values = np.zeros((10, 10, 2), np.float32)
    values[0, 0] = [1000, -1000]

    images = scale_channels(values).images

    assert images[0, 0, 0, 0] == 255
    assert images[1, 0, 0, 0] == 0


# 0.1 a thousand times has a rounded mean that isn't 0.1, so a deviation that isn't 0.
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e30, 1e-40])
def test_a_constant_channel_is_dead_and_mid_grey(value: float) -> None:
    values = np.random.default_rng(2).normal(size=(25, 40, 3)).astype(np.float32)
    values[..., 1] = value

    scaled = scale_channels(values)

    assert scaled.dead == (1,)
    assert (scaled.images[1] == 128).all()
    assert scaled.images[0].std() > 0


def test_on_a_map_of_one_value_only_zero_is_dead() -> None:
    scaled = scale_channels(np.array([[[0.0, 3.0, -1.0, 0.0]]], np.float32))

    assert scaled.dead == (0, 3)
    assert (scaled.images == 128).all()


def test_channels_that_are_not_finite_are_listed() -> None:
    values = np.random.default_rng(3).normal(size=(6, 6, 4)).astype(np.float32)
    clean = scale_channels(values)
    values[0, 0, 1] = np.nan
    values[0, 1, 1] = np.inf
    values[0, 2, 1] = -np.inf
    values[..., 2] = np.nan

    scaled = scale_channels(values)

    assert scaled.not_finite == (1, 2)
    assert scaled.dead == ()
    assert scaled.images[1, 0, :3, 0].tolist() == [0, 255, 0]
    rest = values[..., 1].ravel()[3:]
    assert scaled.images[1].ravel()[3:].tolist() == pytest.approx(
        published_recipe(rest).tolist(), abs=1
    )
    assert (scaled.images[2] == 0).all()
    assert (scaled.images[[0, 3]] == clean.images[[0, 3]]).all()


def test_values_too_large_to_be_squared_are_still_scaled() -> None:
    values = np.array([[[1e38], [-1e38]], [[1e38], [-1e38]]], np.float32)

    assert scale_channels(values).images[0, ..., 0].tolist() == [[192, 64], [192, 64]]


@settings(max_examples=100, deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
        elements=st.floats(width=32),
    )
)
@pytest.mark.filterwarnings("error")
def test_any_values_at_all_give_pictures_without_a_warning(values: np.ndarray) -> None:
    scaled = scale_channels(values)

    assert scaled.images.shape == (values.shape[2], *values.shape[:2], 1)
    assert not set(scaled.dead) & set(scaled.not_finite)
    for channel in scaled.dead:
        assert len(np.unique(values[..., channel])) == 1


def test_the_input_is_not_changed() -> None:
    values = np.random.default_rng(4).normal(size=(5, 5, 2)).astype(np.float32)
    values.flags.writeable = False
    before = values.copy()

    scale_channels(values)

    assert (values == before).all()


def test_views_keep_layers_in_order_with_maps_only_where_there_are_any() -> None:
    maps = np.random.default_rng(5).random((8, 6, 3), np.float32)
    maps[..., 2] = 0
    vector = np.array([0.25, 0.75], np.float32)

    first, second = layer_views([Output("conv2d_1", "conv2d", maps), Output("d", "dense", vector)])

    assert (first.name, first.type, first.kind) == ("conv2d_1", "conv2d", "maps")
    assert first.output_shape == (8, 6, 3)
    assert first.maps is not None
    assert first.maps.dead == (2,)
    assert first.values is maps
    assert (second.kind, second.output_shape, second.maps) == ("vector", (2,), None)
    assert second.values.tolist() == [0.25, 0.75]


def test_channels_are_ordered_by_strength_or_variance() -> None:
    values = np.zeros((2, 2, 4), np.float32)
    values[..., 1] = -3  # strong, but the same everywhere
    values[0, 0, 2] = 8  # weaker on average, and varied
    values[..., 3] = np.nan
    assert channel_order(values, "index").tolist() == [0, 1, 2, 3]
    assert channel_order(values, "strength").tolist() == [1, 2, 0, 3]
    assert channel_order(values, "variance").tolist() == [2, 0, 1, 3]


def test_a_weak_channel_is_dark_on_a_common_scale() -> None:
    values = np.zeros((1, 2, 3), np.float32)
    values[0, 1] = 10, 1, np.inf
    maps = scale_to_range(scale_channels(values), values)
    assert maps.images[..., 0].tolist() == [[[0, 255]], [[0, 25]], [[0, 255]]]
    assert maps.not_finite == (2,)
    nothing = np.zeros((1, 1, 2), np.float32)
    assert not scale_to_range(scale_channels(nothing), nothing).images.any()


def test_two_layers_share_a_scale_and_zero_is_its_middle() -> None:
    small = np.array([0.5, -1], np.float32).reshape(1, 2, 1)
    large = np.array([2, np.inf], np.float32).reshape(1, 2, 1)
    assert value_range(small, large) == (-1, 2)
    assert value_range(small, large, around_zero=True) == (-2, 2)
    assert value_range(np.full((1, 1, 1), np.nan, np.float32)) is None
    shared = value_range(small, large)
    found = scale_to_range(scale_channels(small), small, shared).images.ravel().tolist()
    assert found == [127, 0]  # half way between −1 and 2
    around = value_range(small, large, around_zero=True)
    zero = np.zeros((1, 2, 1), np.float32)
    assert scale_to_range(scale_channels(zero), zero, around).images.ravel().tolist() == [128, 128]
    assert scale_to_range(scale_channels(large), large, around).images.ravel().tolist() == [
        255,
        255,
    ]
    nothing = value_range(zero, around_zero=True)
    assert scale_to_range(scale_channels(zero), zero, nothing).images.ravel().tolist() == [128, 128]
