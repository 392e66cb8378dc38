"""Muted channels against a network whose weights were zeroed, and ablation by hand."""

import numpy as np
import pytest

from cifarviz.analysis.muting import (
    ablate,
    channel_counts,
    channel_mask,
    format_muted,
    parse_muted,
    spread_over_classes,
    with_layer,
)
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.activation import Activation
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import GlobalAveragePool2D
from cifarviz.layers.residual import Residual
from cifarviz.layers.separable_conv2d import SeparableConv2D
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays

SCALING = Scaling((1 / 64,) * 3, (-1.0,) * 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
NETWORK = Architecture(
    input_shape=(8, 8, 3),
    classes=4,
    layers=(
        Conv2D(filters=5, activation="linear"),
        BatchNorm(),
        Activation(),
        Residual(branch=(Conv2D(filters=5), Conv2D(filters=5, activation="linear"))),
        SeparableConv2D(filters=6),
        GlobalAveragePool2D(),
        Dense(units=4, activation="softmax"),
    ),
)
COUNTS = channel_counts(NETWORK)


def arrays_of(network: Architecture) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(1)
    return {
        name: value
        if value.dtype != np.float32 or value.ndim > 1
        else generator.uniform(0.3, 1.5, value.shape).astype(np.float32)
        for name, value in to_arrays(build(network, SCALING, seed=3)).items()
    }


def zeroed(arrays: dict[str, np.ndarray], channels: dict[str, list[int]]) -> dict[str, np.ndarray]:
    """The weights with 0 where an array belongs to these output channels."""
    changed = {name: value.copy() for name, value in arrays.items()}
    for name, value in changed.items():
        layer, variable = name.split("/")[-2:]
        if layer in channels and variable not in (
            "depthwise_kernel",
            "moving_mean",
            "moving_variance",
        ):
            value[..., channels[layer]] = 0
    return changed


@pytest.mark.parametrize("views", [ONLY_THE_IMAGE, PredictionViews(True, 1)])
@pytest.mark.parametrize(
    ("muted", "channels"),
    [
        ({"conv2d_2": {1, 3}}, {"conv2d_2": [1, 3]}),
        ({"batch_normalization_1": {0}}, {"batch_normalization_1": [0]}),
        # ReLU of 0 is 0.
        ({"activation_1": {2, 4}}, {"batch_normalization_1": [2, 4]}),
        (
            {"conv2d_3": {0}, "separable_conv2d_1": {5}},
            {"conv2d_3": [0], "separable_conv2d_1": [5]},
        ),
        ({"separable_conv2d_1": set(range(6))}, {"separable_conv2d_1": list(range(6))}),
        ({}, {}),
    ],
)
def test_muting_equals_zeroed_weights(
    muted: dict[str, set[int]], channels: dict[str, list[int]], views: PredictionViews
) -> None:
    arrays = arrays_of(NETWORK)
    model = TrainedModel(NETWORK, SCALING, arrays, views)
    other = TrainedModel(NETWORK, SCALING, zeroed(arrays, channels), views)
    mask = channel_mask(COUNTS, {layer: frozenset(some) for layer, some in muted.items()})
    found = model.muted_predictions(IMAGES, mask, batch_size=16)
    expected = other.predictions(IMAGES).log_probabilities
    np.testing.assert_allclose(found.log_probabilities, expected, atol=2e-5)
    if muted:
        whole = model.predictions(IMAGES).log_probabilities
        assert np.abs(found.log_probabilities - whole).max() > 1e-3


def test_a_muted_convolution_before_batch_normalisation_gives_its_constant() -> None:
    """After its layer, not after the normalisation, which turns 0 into another number."""
    arrays = arrays_of(NETWORK)
    model = TrainedModel(NETWORK, SCALING, arrays)
    other = TrainedModel(NETWORK, SCALING, zeroed(arrays, {"conv2d_1": [2]}))
    mask = channel_mask(COUNTS, {"conv2d_1": frozenset([2])})
    np.testing.assert_allclose(
        model.muted_predictions(IMAGES, mask).log_probabilities,
        other.predictions(IMAGES).log_probabilities,
        atol=2e-5,
    )
    normalized = other.observe(IMAGES[0])[1].values[..., 2]
    assert np.ptp(normalized) < 1e-6
    assert abs(normalized[0, 0]) > 0.01


def test_progress_is_reported_and_no_images_are_fine() -> None:
    model = TrainedModel(NETWORK, SCALING, arrays_of(NETWORK))
    done: list[int] = []
    mask = channel_mask(COUNTS, {})
    model.muted_predictions(IMAGES, mask, batch_size=16, on_progress=done.append)
    assert done == [16, 32, 40]
    assert model.muted_predictions(IMAGES[:0], mask).log_probabilities.shape == (0, 4)


@pytest.mark.parametrize(
    ("text", "muted", "unknown"),
    [
        ("", {}, []),
        ("conv2d_1:3,1", {"conv2d_1": {1, 3}}, []),
        ("conv2d_1:0-4;residual_1:2", {"conv2d_1": {0, 1, 2, 3, 4}, "residual_1": {2}}, []),
        ("conv2d_1:5", {}, ["conv2d_1:5"]),
        ("conv2d_1:3-1", {}, ["conv2d_1:3-1"]),
        ("dense_1:1;conv2d_9:0;conv2d_1:2", {"conv2d_1": {2}}, ["dense_1:1", "conv2d_9:0"]),
        ("conv2d_1", {}, ["conv2d_1"]),
        ("conv2d_1:", {}, ["conv2d_1:"]),
        ("conv2d_1:1,x", {}, ["conv2d_1:1,x"]),
        ("conv2d_1:٣", {}, ["conv2d_1:٣"]),
    ],
)
def test_the_address_is_parsed(text: str, muted: dict[str, set[int]], unknown: list[str]) -> None:
    assert parse_muted(text, COUNTS) == (muted, unknown)


def test_a_written_address_is_read_again() -> None:
    muted = {"conv2d_1": frozenset({0, 1, 2, 4}), "residual_1": frozenset({3})}
    assert format_muted(muted) == "conv2d_1:0-2,4;residual_1:3"
    assert parse_muted(format_muted(muted), COUNTS) == (muted, [])
    assert format_muted(with_layer(muted, "residual_1", ())) == "conv2d_1:0-2,4"
    assert format_muted({}) == ""


def test_a_mask_has_every_channel_once() -> None:
    assert COUNTS == {
        "conv2d_1": 5,
        "batch_normalization_1": 5,
        "activation_1": 5,
        "conv2d_2": 5,
        "conv2d_3": 5,
        "residual_1": 5,
        "separable_conv2d_1": 6,
    }
    mask = channel_mask(COUNTS, {"batch_normalization_1": frozenset({1})})
    assert mask.shape == (36,)
    assert np.flatnonzero(mask == 0).tolist() == [6]


def test_a_network_without_maps_has_no_channels() -> None:
    network = Architecture(
        input_shape=(8, 8, 3), classes=2, layers=(Flatten(), Dense(units=2, activation="softmax"))
    )
    assert channel_counts(network) == {}
    assert channel_mask({}, {}).shape == (0,)


def test_ablation_counts_the_images_each_class_loses() -> None:
    model = TrainedModel(NETWORK, SCALING, arrays_of(NETWORK))
    labels = np.random.default_rng(2).integers(0, 3, len(IMAGES))

    def predict(mask: np.ndarray) -> np.ndarray:
        return model.muted_predictions(IMAGES, mask).log_probabilities.argmax(1)

    found = ablate("separable_conv2d_1", COUNTS, labels, 4, predict)
    whole = model.predictions(IMAGES).log_probabilities.argmax(1)
    assert found.lost.shape == (6, 4)
    assert np.isnan(found.lost[:, 3]).all()
    for channel in range(6):
        arrays = zeroed(arrays_of(NETWORK), {"separable_conv2d_1": [channel]})
        without = TrainedModel(NETWORK, SCALING, arrays).predictions(IMAGES)
        predicted = without.log_probabilities.argmax(1)
        for index in range(3):
            of_class = labels == index
            lost = (whole[of_class] == index).mean() - (predicted[of_class] == index).mean()
            assert found.lost[channel, index] == pytest.approx(lost)
        lost = (whole == labels).mean() - (predicted == labels).mean()
        assert found.lost_in_all[channel] == pytest.approx(lost)
    ranked = found.lost[found.ranked(1), 1]
    assert (np.diff(ranked) <= 0).all()


def test_images_are_spread_over_the_classes() -> None:
    labels = np.array([0] * 50 + [1] * 3 + [2] * 20)
    chosen = spread_over_classes(labels, 15)
    assert np.bincount(labels[chosen]).tolist() == [6, 3, 6]
    assert (np.diff(chosen) > 0).all()
    assert len(spread_over_classes(labels, 1000)) == len(labels)
