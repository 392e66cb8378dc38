"""A model follows its experiment: pixels, layers, precision and penalty."""

import keras
import numpy as np
import pytest

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Standardize, scaling
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import AveragePool2D, GlobalAveragePool2D
from cifarviz.network.build import build
from tests.network.tiny_network import BY_255, TINY


def test_pixels_are_scaled_exactly():
    mean, std = (125.307, 122.950, 113.865), (62.993, 62.089, 66.705)
    model = build(TINY, scaling(Standardize(), mean, std, 3), precision="bfloat16")
    rescaling = model.get_layer("rescaling")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    scaled = np.asarray(rescaling(pixels))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, (pixels - np.array(mean)) / np.array(std), atol=1e-6)
    ends = np.stack([np.zeros((8, 8, 3)), np.full((8, 8, 3), 255)])
    scaled = np.asarray(rescaling(ends))
    assert (round(float(scaled.min()), 3), round(float(scaled.max()), 3)) == (-1.989, 2.127)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_pixels_of_any_numeric_type_give_the_same(dtype):
    model = build(TINY, BY_255)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(dtype)
    expected = np.asarray(model(pixels.astype(np.float32)))
    np.testing.assert_array_equal(np.asarray(model(pixels)), expected)


def test_one_channel_images_work():
    layers = (Conv2D(filters=2), Flatten(), Dense(units=10, activation="softmax"))
    architecture = Architecture(input_shape=(28, 28, 1), classes=10, layers=layers)
    model = build(architecture, scaling(Standardize(), (72.9,), (90.0,), 1))
    out = np.asarray(model(np.full((2, 28, 28, 1), 9, np.uint8)))
    assert out.shape == (2, 10)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-5)


def test_every_layer_setting_is_passed_to_keras():
    layers = (
        Conv2D(filters=3, kernel_size=2, strides=2, padding="valid", activation="gelu"),
        AveragePool2D(pool_size=3, strides=1, padding="same"),
        BatchNorm(momentum=0.9, epsilon=1e-5),
        Dropout(rate=0.125),
        GlobalAveragePool2D(),
        Dense(units=4, activation="softmax"),
    )
    model = build(Architecture(input_shape=(8, 8, 3), classes=4, layers=layers), BY_255)
    conv, pool, norm, drop = model.layers[2:6]
    assert (conv.strides, conv.padding, conv.activation) == (
        (2, 2),
        "valid",
        keras.activations.gelu,
    )
    assert (pool.pool_size, pool.strides, pool.padding) == ((3, 3), (1, 1), "same")
    assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)
    assert drop.rate == 0.125


def test_bfloat16_keeps_weights_preprocessing_and_output_in_float32():
    model = build(TINY, BY_255, precision="bfloat16")
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}
    computed = {layer.name: layer.compute_dtype for layer in model.layers[1:]}
    assert computed.pop("rescaling") == "float32"
    assert computed.pop("dense_2") == "float32"
    assert set(computed.values()) == {"bfloat16"}
    assert model(np.zeros((1, 8, 8, 3), np.uint8)).dtype == "float32"


def test_l2_is_added_for_convolution_and_dense_kernels_only():
    model = build(TINY, BY_255, l2=0.01)
    model(np.zeros((1, 8, 8, 3), np.uint8))
    kernels = [w.numpy() for w in model.weights if w.name == "kernel"]
    assert len(kernels) == len(model.losses) == 3
    expected = sum(0.01 * np.square(kernel, dtype=np.float64).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    assert build(TINY, BY_255).losses == []
