"""Every layer's output for one image."""

import time

import numpy as np
import pytest

from cifarviz.errors import ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.presets import PRESETS
from cifarviz.network.activations import Observer, conv_kernel
from cifarviz.network.build import build

SCALING = Scaling((0.5, 0.25), (-1.0, 2.0))
ARCHITECTURE = Architecture(
    input_shape=(5, 4, 2),
    classes=3,
    layers=(
        Conv2D(filters=2, kernel_size=3, padding="same"),
        Conv2D(filters=3, kernel_size=2, padding="valid", activation="linear"),
        MaxPool2D(),
        Dropout(rate=0.5),
        Flatten(),
        Dense(units=3, activation="softmax"),
    ),
)
IMAGE = np.random.default_rng(0).integers(0, 256, (5, 4, 2), np.uint8)


def convolved(values, kernel, bias):
    """A valid convolution, one window at a time."""
    size = kernel.shape[0]
    height, width = values.shape[0] - size + 1, values.shape[1] - size + 1
    out = np.empty((height, width, kernel.shape[-1]))
    for row in range(height):
        for column in range(width):
            window = values[row : row + size, column : column + size]
            out[row, column] = np.tensordot(window, kernel, 3) + bias
    return out


@pytest.fixture(scope="module")
def model():
    made = build(ARCHITECTURE, SCALING, seed=2)
    made.get_layer("conv2d_1").bias.assign([0.5, -0.5])
    return made


def test_values_are_those_computed_by_hand(model):
    first, second, pooled, dropped, flat, output = Observer(model).observe(IMAGE)
    scaled = IMAGE * np.array(SCALING.scale) + np.array(SCALING.offset)
    padded = np.pad(scaled, ((1, 1), (1, 1), (0, 0)))
    by_hand = np.maximum(convolved(padded, conv_kernel(model, "conv2d_1"), [0.5, -0.5]), 0)
    np.testing.assert_allclose(first.values, by_hand, rtol=1e-5, atol=1e-4)
    by_hand = convolved(by_hand, conv_kernel(model, "conv2d_2"), 0)
    np.testing.assert_allclose(second.values, by_hand, rtol=1e-5, atol=1e-4)
    by_hand = by_hand[:4, :2].reshape(2, 2, 1, 2, 3).max(axis=(1, 3))
    np.testing.assert_allclose(pooled.values, by_hand, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(dropped.values, pooled.values)
    np.testing.assert_array_equal(flat.values, pooled.values.ravel())
    assert output.values.sum() == pytest.approx(1)


def test_every_layer_of_the_architecture_in_order(model):
    outputs = Observer(model).observe(IMAGE)
    rows = ARCHITECTURE.trace().rows
    assert [(o.name, o.type, o.values.shape) for o in outputs] == [
        (row.name, row.type, row.output_shape) for row in rows
    ]
    assert {output.values.dtype for output in outputs} == {np.dtype("float32")}


def test_new_weights_are_seen_at_once(model):
    observer = Observer(model)
    before = model.get_layer("conv2d_2").bias.numpy().copy()
    model.get_layer("conv2d_2").bias.assign(before + 100)
    raised = observer.observe(IMAGE)[1].values
    model.get_layer("conv2d_2").bias.assign(before)
    np.testing.assert_allclose(raised - observer.observe(IMAGE)[1].values, 100, rtol=1e-4)


def test_looking_changes_nothing():
    layers = (Conv2D(), BatchNorm(), Dropout(), Flatten(), Dense(units=3, activation="softmax"))
    architecture = Architecture(input_shape=(5, 4, 2), classes=3, layers=layers)
    made = build(architecture, SCALING)
    before = [np.array(variable.numpy()) for variable in made.variables]
    Observer(made).observe(IMAGE)
    for variable, value in zip(made.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_bfloat16_networks_are_shown_in_float32():
    made = build(ARCHITECTURE, SCALING, precision="bfloat16")
    assert {o.values.dtype for o in Observer(made).observe(IMAGE)} == {np.dtype("float32")}


def test_vgg_is_looked_into_in_well_under_50_ms():
    made = build(
        PRESETS["cifar10-vgg"].experiment.architecture, Scaling((1 / 255,) * 3, (0.0,) * 3)
    )
    observer = Observer(made)
    image = np.zeros((32, 32, 3), np.uint8)
    took = []
    for _ in range(15):
        started = time.perf_counter()
        outputs = observer.observe(image)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.05  # the quickest: what a busy machine adds is not ours
    maps = [output for output in outputs if output.values.ndim == 3]
    assert len(maps) == 9
    assert sum(output.values.shape[-1] for output in maps) == 672


def test_an_image_of_another_shape_is_refused_in_words(model):
    with pytest.raises(ExperimentInvalid, match="takes 5×4×2 images and 4×4×2 came"):
        Observer(model).observe(IMAGE[:4])


@pytest.mark.parametrize("name", ["dense_1", "conv2d_9", "rescaling"])
def test_only_convolutions_have_kernels(model, name):
    assert conv_kernel(model, "conv2d_2").shape == (2, 2, 2, 3)
    with pytest.raises(ArtifactMissing, match=f"no convolution called “{name}”"):
        conv_kernel(model, name)
