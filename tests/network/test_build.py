"""A model is its architecture, exactly; its seeds and precision are its own."""

import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarviz.experiment.architecture import Architecture, trace
from cifarviz.experiment.layers import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    LayerSpec,
    MaxPool2D,
)
from cifarviz.experiment.preprocessing import Divide, Standardize, scaling
from cifarviz.experiment.presets import PRESETS
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays

BY_255 = scaling(Divide(), (), (), 3)
TINY = Architecture(
    input_shape=(8, 8, 3),
    classes=4,
    layers=(
        Conv2D(filters=4, initializer="he_normal"),
        BatchNorm(),
        Activation(activation="silu"),
        MaxPool2D(),
        Dropout(rate=0.3),
        Flatten(),
        Dense(units=8, initializer="glorot_normal"),
        Dropout(rate=0.5),
        Dense(units=4, activation="softmax"),
    ),
)


def assert_traced_as_keras_counts(architecture):
    channels = architecture.input_shape[-1]
    model = build(architecture, scaling(Divide(), (), (), channels))
    traced = architecture.trace()
    layers = model.layers[2:]  # after the input and the rescaling
    assert [row.name for row in traced.rows] == [layer.name for layer in layers]
    assert [row.output_shape for row in traced.rows] == [layer.output.shape[1:] for layer in layers]
    # Keras' own count takes dropout's random generators for no parameters, as we do.
    assert [row.parameters for row in traced.rows] == [layer.count_params() for layer in layers]
    assert traced.parameters == model.count_params()
    assert traced.trainable_parameters == sum(
        int(np.prod(weight.shape)) for weight in model.trainable_weights
    )


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_traced_as_keras_counts(name):
    assert_traced_as_keras_counts(PRESETS[name].experiment.architecture)


activations = st.sampled_from(
    ["linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
)
paddings = st.sampled_from(["same", "valid"])
initializers = st.sampled_from(["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"])
windows = {"strides": st.integers(1, 3), "padding": paddings}
pools = {"pool_size": st.integers(1, 4), **windows}
anywhere = [
    st.builds(BatchNorm, momentum=st.floats(0, 0.999), epsilon=st.floats(1e-6, 1)),
    st.builds(Activation, activation=activations),
    st.builds(Dropout, rate=st.floats(0, 0.9)),
]
convolutions = st.builds(
    Conv2D,
    filters=st.integers(1, 6),
    kernel_size=st.integers(1, 5),
    activation=activations,
    initializer=initializers,
    **windows,
)
pooling = [st.builds(MaxPool2D, **pools), st.builds(AveragePool2D, **pools)]
for_maps = st.one_of(convolutions, st.one_of(*pooling), st.one_of(convolutions, *anywhere))
for_vectors = st.one_of(
    st.builds(Dense, units=st.integers(1, 9), activation=activations, initializer=initializers),
    st.builds(Flatten),
    *anywhere,
)
bridges = st.sampled_from([Flatten(), GlobalAveragePool2D(), GlobalMaxPool2D()])


@st.composite
def architectures(draw):
    """Any order of layers that fit, on any image from 1x1 to 14x14."""
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(1, 4)))
    classes = draw(st.integers(2, 12))
    layers: list[LayerSpec] = []
    for layer in draw(st.lists(for_maps, min_size=2, max_size=6)):
        if all(row.problem is None for row in trace(shape, [*layers, layer], classes).rows[:-1]):
            fits = trace(shape, [*layers, layer, Flatten()], classes).rows[-1].output_shape
            layers += [layer] if fits else []
    layers += [draw(bridges), *draw(st.lists(for_vectors, max_size=3))]
    output = Dense(units=classes, activation="softmax", initializer=draw(initializers))
    return Architecture(input_shape=shape, classes=classes, layers=(*layers, output))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(architectures())
def test_random_networks_are_traced_as_keras_counts(architecture):
    assert_traced_as_keras_counts(architecture)


@pytest.mark.parametrize(
    "layers",
    [
        (MaxPool2D(), Conv2D(kernel_size=5, padding="valid")),
        (MaxPool2D(pool_size=7),),
        (Flatten(), Conv2D()),
        (Flatten(), GlobalMaxPool2D()),
    ],
)
def test_what_the_trace_refuses_keras_refuses_too(layers):
    assert trace((6, 6, 3), layers, 10).rows[-1].problem
    values = keras.Input((6, 6, 3))
    made: dict[type, Callable[..., keras.Layer]] = {
        Conv2D: lambda spec: keras.layers.Conv2D(1, spec.kernel_size, padding=spec.padding),
        MaxPool2D: lambda spec: keras.layers.MaxPooling2D(spec.pool_size, 2, spec.padding),
        Flatten: lambda spec: keras.layers.Flatten(),
        GlobalMaxPool2D: lambda spec: keras.layers.GlobalMaxPooling2D(),
    }
    *before, last = (made[type(spec)](spec) for spec in layers)
    for layer in before:
        values = layer(values)
    with pytest.raises(ValueError, match=r"Invalid|incompatible|negative"):
        last(values)


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


def test_same_seed_same_weights_other_seed_other_weights():
    one, same, other = (to_arrays(build(TINY, BY_255, seed=seed)) for seed in (3, 3, 4))
    for name, value in one.items():
        np.testing.assert_array_equal(value, same[name])
        if name.endswith(("kernel", "seed_generator_state")):
            assert not np.array_equal(value, other[name]), name


def test_layers_of_one_shape_draw_different_weights():
    layers = (Conv2D(filters=3), Conv2D(filters=3), Flatten(), Dense(units=4, activation="softmax"))
    model = build(Architecture(input_shape=(8, 8, 3), classes=4, layers=layers), BY_255)
    first, second = (model.get_layer(name).kernel.numpy() for name in ("conv2d_1", "conv2d_2"))
    assert not np.array_equal(first, second)


def test_both_precisions_start_from_the_same_weights():
    exact = to_arrays(build(TINY, BY_255, seed=5))
    fast = to_arrays(build(TINY, BY_255, seed=5, precision="bfloat16"))
    for name, value in exact.items():
        np.testing.assert_array_equal(value, fast[name])


def test_building_draws_nothing_from_global_generators():
    def state():
        return (
            random.getstate(),
            np.random.get_state(legacy=False)["state"]["key"].tolist(),
            keras.config.dtype_policy().name,
        )

    tf.random.set_seed(1)
    before = state()
    first_draw = float(tf.random.uniform(()))
    tf.random.set_seed(1)
    build(TINY, BY_255, seed=9, precision="bfloat16")
    assert float(tf.random.uniform(())) == first_draw
    assert state() == before


def test_global_seeds_do_not_change_the_weights():
    expected = to_arrays(build(TINY, BY_255, seed=1))
    keras.utils.set_random_seed(123)
    for name, value in to_arrays(build(TINY, BY_255, seed=1)).items():
        np.testing.assert_array_equal(value, expected[name])


def test_many_threads_may_build_at_once():
    expected = [to_arrays(build(TINY, BY_255, seed=seed)) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda seed: to_arrays(build(TINY, BY_255, seed=seed)), range(8)))
    for one, other in zip(expected, built, strict=True):
        assert list(one) == list(other)
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name])


DIGEST = """
import hashlib
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.presets import PRESETS
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays

architecture = PRESETS["cifar10-starter"].experiment.architecture
arrays = to_arrays(build(architecture, Scaling((1.0,) * 3, (0.0,) * 3), seed=7))
joined = b"".join(name.encode() + array.tobytes() for name, array in arrays.items())
digest = hashlib.sha256(joined).hexdigest()
"""


def test_another_process_builds_the_same_weights():
    code = DIGEST + "print(digest)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    here: dict[str, str] = {}
    exec(DIGEST, here)
    assert said.stdout.strip() == here["digest"]


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


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        ("glorot_uniform", 2 / (192 + 64)),
        ("glorot_normal", 2 / (192 + 64)),
        ("he_uniform", 2 / 192),
        ("he_normal", 2 / 192),
    ],
)
def test_initializers_have_their_variance(initializer, variance):
    layers = (
        Flatten(),
        Dense(units=64, initializer=initializer),
        Dense(units=4, activation="softmax"),
    )
    model = build(Architecture(input_shape=(8, 8, 3), classes=4, layers=layers), BY_255)
    kernel = model.get_layer("dense_1").kernel.numpy()
    assert kernel.var() == pytest.approx(variance, rel=0.05)
    uniform = np.abs(kernel).max() <= np.sqrt(3 * variance)
    assert uniform == initializer.endswith("uniform")


def test_every_choice_of_a_layer_reaches_keras():
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


def test_one_channel_images_work():
    layers = (Conv2D(filters=2), Flatten(), Dense(units=10, activation="softmax"))
    architecture = Architecture(input_shape=(28, 28, 1), classes=10, layers=layers)
    model = build(architecture, scaling(Standardize(), (72.9,), (90.0,), 1))
    out = np.asarray(model(np.full((2, 28, 28, 1), 9, np.uint8)))
    assert out.shape == (2, 10)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-5)
