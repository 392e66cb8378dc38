"""Inside: layers, their channels and their differences as text."""

import numpy as np

from cifarviz.analysis.feature_maps import LayerPair, LayerView, scale_channels
from cifarviz.ui.inside.layers import (
    channel_tooltips,
    describe_layer,
    format_difference,
)


def test_channels_that_are_not_numbers_are_named_too() -> None:
    values = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    values[..., 0] = 0
    values[1, 1, 2] = np.nan
    view = LayerView("conv2d_1", "conv2d", values, scale_channels(values))
    assert describe_layer(view) == (
        "Convolution · output 4×4×3 · 3 channels · 1 dead: 0 · 1 not a number: 2"
    )


def test_a_layer_of_values_says_how_many_are_zero() -> None:
    values = np.array([0, 2, 0], np.float32)
    assert describe_layer(LayerView("dense_1", "dense", values, None)) == (
        "Dense · output 3 · 2 values zero"
    )


BASE = np.arange(4, dtype=np.float32).reshape(2, 2)


def layer(*channels: np.ndarray) -> LayerView:
    values = np.stack(channels, axis=-1)
    return LayerView("conv2d_1", "conv2d", values, scale_channels(values))


def test_two_epochs_differ_by_channel() -> None:
    left = layer(BASE, BASE, BASE, BASE, 0 * BASE)
    right = layer(BASE, -BASE, BASE[::-1], BASE.T, BASE)
    pair = LayerPair(left, right)
    assert format_difference(pair, same_run=True) == (
        "Median correlation of channels 0.10 · least correlated: 1 (−1.00), 2 (−0.60), 3 (0.80) · "
        "1 dead on only one side"
    )
    assert channel_tooltips(pair, [1, 4]) == [
        "Channel 1, correlation −1.00",
        "Channel 4, no correlation",
    ]


def test_two_runs_with_comparable_maps_have_a_spatial_correlation() -> None:
    left, right = layer(BASE, BASE), layer(2 * BASE)
    pair = LayerPair(left, right)
    assert format_difference(pair, same_run=False) == "Correlation of active places 1.00"
    assert channel_tooltips(pair, [0]) is None
    assert format_difference(LayerPair(left, None), same_run=False) is None
    flat = np.ones(3, np.float32)
    dense = LayerView("dense_1", "dense", flat, None)
    assert format_difference(LayerPair(dense, dense), same_run=True) is None
