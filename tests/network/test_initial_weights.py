"""The initial weights of a model depend only on its seed."""

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf

from cifarviz.experiment.architecture import Architecture
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays
from tests.network.tiny_network import BY_255, TINY


def test_the_seed_decides_the_initial_weights():
    one, same, other = (to_arrays(build(TINY, BY_255, seed=seed)) for seed in (3, 3, 4))
    for name, value in one.items():
        np.testing.assert_array_equal(value, same[name])
        if name.endswith(("kernel", "seed_generator_state")):
            assert not np.array_equal(value, other[name]), name


def test_layers_of_the_same_shape_have_different_weights():
    layers = (Conv2D(filters=3), Conv2D(filters=3), Flatten(), Dense(units=4, activation="softmax"))
    model = build(Architecture(input_shape=(8, 8, 3), classes=4, layers=layers), BY_255)
    first, second = (model.get_layer(name).kernel.numpy() for name in ("conv2d_1", "conv2d_2"))
    assert not np.array_equal(first, second)


def test_both_precisions_start_from_the_same_weights():
    exact = to_arrays(build(TINY, BY_255, seed=5))
    fast = to_arrays(build(TINY, BY_255, seed=5, precision="bfloat16"))
    for name, value in exact.items():
        np.testing.assert_array_equal(value, fast[name])


def test_building_does_not_use_global_random_generators():
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


def test_many_threads_can_build_at_once():
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


def test_an_identity_kernel_returns_its_input():
    layers = (
        Conv2D(filters=5, activation="linear", initializer="identity"),
        Conv2D(filters=2, kernel_size=4, activation="linear", initializer="identity"),
        Flatten(),
        Dense(units=4, activation="softmax"),
    )
    model = build(Architecture(input_shape=(8, 8, 3), classes=4, layers=layers), BY_255)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    first = model.get_layer("conv2d_1")(pixels).numpy()
    np.testing.assert_array_equal(first[..., :3], pixels)
    # The two filters that are over are drawn, as Glorot has it for this layer.
    over = model.get_layer("conv2d_1").kernel.numpy()[..., 3:]
    assert 0 < np.abs(over).max() <= np.sqrt(6 / (27 + 45))
    second = model.get_layer("conv2d_2").kernel.numpy()
    assert second.sum() == 2
    assert second[2, 2, 0, 0] == second[2, 2, 1, 1] == 1
