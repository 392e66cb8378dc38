import numpy as np

from cifarviz.analysis.feature_maps import LayerPair, LayerView, scale_channels
from cifarviz.ui.inside.layers import difference, names_of_channels
from cifarviz.ui.inside.prediction import answer_difference

BASE = np.arange(4, dtype=np.float32).reshape(2, 2)


def layer(*channels: np.ndarray) -> LayerView:
    values = np.stack(channels, axis=-1)
    return LayerView("conv2d_1", "conv2d", values, scale_channels(values))


def test_two_epochs_differ_by_channel() -> None:
    left = layer(BASE, BASE, BASE, BASE, 0 * BASE)
    right = layer(BASE, -BASE, BASE[::-1], BASE.T, BASE)
    pair = LayerPair(left, right)
    assert difference(pair, same_run=True) == (
        "Median correlation of its channels 0.10 · least alike: 1 (−1.00), 2 (−0.60), 3 (0.80) · "
        "1 dead on one side only"
    )
    assert names_of_channels(pair, [1, 4]) == [
        "Channel 1, correlation −1.00",
        "Channel 4, no correlation",
    ]


def test_two_runs_differ_by_place_where_that_can_be_said() -> None:
    left, right = layer(BASE, BASE), layer(2 * BASE)
    pair = LayerPair(left, right)
    assert difference(pair, same_run=False) == "Where it is active: correlation 1.00"
    assert names_of_channels(pair, [0]) is None
    assert difference(LayerPair(left, None), same_run=False) is None
    flat = np.ones(3, np.float32)
    dense = LayerView("dense_1", "dense", flat, None)
    assert difference(LayerPair(dense, dense), same_run=True) is None


def test_answers_differ_in_points() -> None:
    left, right = np.array([0.25, 0.75], np.float32), np.array([0.5, 0.5], np.float32)
    titles = "Epoch 4", "Epoch 1"
    words = answer_difference(left, right, ["cat", "dog"], 0, titles)
    assert words == "“cat” gets 25.0 points less from “Epoch 4” than from “Epoch 1”."
    words = answer_difference(left, right, ["cat", "dog"], None, titles)
    assert words.startswith("“dog” gets 25.0 points more")
    same = answer_difference(left, left, ["cat", "dog"], 1, titles)
    assert same == "Both give “dog” 75.0%."
