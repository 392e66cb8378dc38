import numpy as np
import pytest

from cifarviz.analysis.feature_maps import LayerView, scale_channels
from cifarviz.ui.inside.layers import describe, in_ranges


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([3], "3"),
        ([3, 4], "3 and 4"),
        ([0, 1, 2], "0–2"),
        ([3, 5, 6, 7, 11], "3, 5–7 and 11"),
        ([1, 2, 4, 5, 6, 7, 9, 10], "1, 2, 4–7, 9 and 10"),
    ],
)
def test_channels_are_named_in_ranges(numbers: list[int], words: str) -> None:
    assert in_ranges(numbers) == words


def test_channels_that_are_not_numbers_are_named_too() -> None:
    values = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    values[..., 0] = 0
    values[1, 1, 2] = np.nan
    view = LayerView("conv2d_1", "conv2d", values, scale_channels(values))
    assert describe(view) == (
        "Convolution · output 4×4×3 · 3 channels · 1 dead: 0 · 1 not a number: 2"
    )


def test_a_layer_of_values_says_how_many_are_zero() -> None:
    values = np.array([0, 2, 0], np.float32)
    assert describe(LayerView("dense_1", "dense", values, None)) == (
        "Dense · output 3 · 2 of its values zero"
    )
