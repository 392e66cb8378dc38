"""Grad-CAM compared with hand-calculated and finite-difference gradients."""

import numpy as np
import pytest

from cifarviz.errors import ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.network.build import build
from cifarviz.network.stateless import stateless_network
from cifarviz.network.variables import to_arrays

SCALING = Scaling((1 / 255,) * 3, (0.0,) * 3)
IMAGE = np.random.default_rng(1).integers(0, 256, (6, 6, 3), np.uint8)


def test_with_one_dense_layer_the_heat_map_is_a_weighted_sum():
    # Score of a class = mean over the map of A_k, times w_kc: its gradient is w_kc / (h·w).
    architecture = Architecture(
        input_shape=(6, 6, 3),
        classes=4,
        layers=(
            Conv2D(filters=5),
            GlobalAveragePool2D(),
            Dense(units=4, activation="softmax"),
        ),
    )
    model = build(architecture, SCALING, seed=3)
    network = stateless_network(architecture)
    weights = network.weights(to_arrays(model), SCALING)
    maps = network.observe(weights, IMAGE)[0].values
    kernel = model.get_layer("dense_1").kernel.numpy()
    for index in range(4):
        by_hand = np.maximum((maps * kernel[:, index] / 36).sum(axis=-1), 0)
        found = network.attention(weights, IMAGE, "conv2d_1", index)
        assert found.shape == (6, 6)
        np.testing.assert_allclose(found, by_hand, rtol=1e-5, atol=1e-7)


def test_gradients_of_deep_layers_equal_finite_differences():
    architecture = Architecture(
        input_shape=(6, 6, 3),
        classes=3,
        layers=(
            Conv2D(filters=4, activation="linear"),
            Conv2D(filters=3, activation="linear"),
            MaxPool2D(),
            Flatten(),
            Dense(units=6, activation="linear"),
            Dense(units=3, activation="softmax"),
        ),
    )
    model = build(architecture, SCALING, seed=7)
    network = stateless_network(architecture)
    weights = network.weights(to_arrays(model), SCALING)
    maps = network.observe(weights, IMAGE)[0].values

    def scores(values):
        values = values[np.newaxis].astype(np.float32)
        for name in ("conv2d_2", "max_pooling2d_1", "flatten_1", "dense_1"):
            values = model.get_layer(name)(values)
        last = model.get_layer("dense_2")
        return (np.asarray(values) @ last.kernel.numpy() + last.bias.numpy())[0]

    # All else is linear, so a step over a whole channel adds its mean gradient times its size.
    step = 1e-3
    importance = np.array([
        (scores(maps + step * np.eye(4)[k]) - scores(maps - step * np.eye(4)[k])) / (2 * step * 36)
        for k in range(4)
    ])  # fmt: skip
    for index in range(3):
        by_hand = np.maximum((maps * importance[:, index]).sum(axis=-1), 0)
        found = network.attention(weights, IMAGE, "conv2d_1", index)
        np.testing.assert_allclose(found, by_hand, rtol=0.02, atol=2e-3 * by_hand.max() + 1e-6)
        assert network.attention(weights, IMAGE, "max_pooling2d_1", index).shape == (3, 3)


def test_layers_without_maps_and_images_of_another_shape_are_refused():
    architecture = Architecture(
        input_shape=(6, 6, 3),
        classes=4,
        layers=(Conv2D(filters=2), Flatten(), Dense(units=4, activation="softmax")),
    )
    network = stateless_network(architecture)
    weights = network.weights(to_arrays(build(architecture, SCALING)), SCALING)
    for name in ("flatten_1", "dense_1", "conv2d_9"):
        with pytest.raises(ArtifactMissing, match=f"no layer with maps called “{name}”"):
            network.attention(weights, IMAGE, name, 0)
    with pytest.raises(ExperimentInvalid, match="6×6×3"):
        network.attention(weights, IMAGE[:4], "conv2d_1", 0)
