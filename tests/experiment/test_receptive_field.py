"""Receptive fields against the pixels that a gradient reaches."""

import numpy as np
import pytest

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.receptive_field import ReceptiveField, receptive_field
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.whitening import Whitening

END = (GlobalAveragePool2D(), Dense(units=2, activation="softmax"))


def network(*layers: Layer, shape: tuple[int, int, int] = (13, 11, 2)) -> Architecture:
    return Architecture(input_shape=shape, classes=2, layers=(*layers, *END))


def reached(architecture: Architecture, number: int, row: int, column: int) -> ReceptiveField:
    """The box around the pixels on which the place has a gradient, all weights being positive."""
    import tensorflow as tf

    from cifarviz.network.build import build

    channels = architecture.input_shape[2]
    model = build(architecture, Scaling((1.0,) * channels, (0.0,) * channels), seed=1)
    for variable in model.variables:
        if variable.name == "kernel":
            variable.assign(tf.ones_like(variable))
    image = tf.Variable(np.ones((1, *architecture.input_shape), np.float32))
    with tf.GradientTape() as tape:
        values = image
        for layer in model.layers[2 : 3 + number]:  # after the input and the scaling
            values = layer(values, training=False)
        value = values[0, row, column, 0]
    there = np.abs(tape.gradient(value, image).numpy()[0]).sum(axis=-1) > 0
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return ReceptiveField(*map(int, (rows[0], columns[0], rows[-1], columns[-1])))


@pytest.mark.parametrize(
    "layers",
    [
        (Conv2D(filters=2), Conv2D(filters=2, kernel_size=4), AveragePool2D()),
        (Conv2D(filters=2, kernel_size=5, strides=2), BatchNorm(), Conv2D(filters=1)),
        (Conv2D(filters=1, padding="valid"), AveragePool2D(pool_size=3, strides=2, padding="same")),
        (
            Whitening(filters=2, kernel_size=3, strides=2),
            Activation(),
            Conv2D(filters=1, kernel_size=2),
        ),
        (AveragePool2D(pool_size=2, strides=3), Conv2D(filters=2, kernel_size=4, strides=3)),
    ],
)
def test_it_is_the_box_that_a_gradient_reaches(layers: tuple[Layer, ...]) -> None:
    architecture = network(*layers)
    for number, row in enumerate(architecture.trace().rows[: len(layers)]):
        assert row.output_shape is not None
        height, width, _ = row.output_shape
        for place in {(0, 0), (height - 1, width - 1), (height // 2, width // 3)}:
            found = receptive_field(architecture, row.name, *place)
            assert found == reached(architecture, number, *place), (row.name, place)


def test_it_grows_with_depth_and_is_cut_off_at_the_edge() -> None:
    # 3×3 sees 3 pixels, two of them 5, after pooling 2×2 6, with another 3×3 10 (Araujo et al.,
    # "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019).
    vgg = PRESETS["cifar10-vgg"].experiment.architecture
    sizes = []
    for row in vgg.trace().rows[:4]:
        assert row.output_shape is not None
        middle = row.output_shape[0] // 2
        field = receptive_field(vgg, row.name, middle, middle)
        sizes.append((field.height, field.width))
    assert sizes == [(3, 3), (5, 5), (6, 6), (10, 10)]
    assert receptive_field(vgg, "conv2d_1", 0, 31) == ReceptiveField(0, 30, 1, 31)
    assert receptive_field(vgg, "conv2d_2", 31, 0) == ReceptiveField(29, 0, 31, 2)


def test_after_global_pooling_or_flatten_it_is_the_full_image() -> None:
    whole = ReceptiveField(0, 0, 12, 10)
    pooled = network(MaxPool2D())
    for name in ("global_average_pooling2d_1", "dense_1"):
        assert receptive_field(pooled, name, 0, 0) == whole
    flat = Architecture(
        input_shape=(13, 11, 2),
        classes=2,
        layers=(Flatten(), Dense(units=2, activation="softmax")),
    )
    assert receptive_field(flat, "flatten_1", 0, 0) == whole


def test_an_unknown_layer_or_place_is_refused() -> None:
    architecture = network(MaxPool2D())
    with pytest.raises(ValueError, match="no layer 'conv2d_1'; it has max_pooling2d_1"):
        receptive_field(architecture, "conv2d_1", 0, 0)
    for place in ((6, 0), (0, -1)):
        with pytest.raises(ValueError, match="6 rows and 5 columns"):
            receptive_field(architecture, "max_pooling2d_1", *place)
