"""Predictions and layer outputs with weights as an argument."""

import numpy as np
import pytest
import tensorflow as tf

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.network.build import build
from cifarviz.network.inference import log_probabilities
from cifarviz.network.stateless import stateless_network
from cifarviz.network.variables import to_arrays

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
IMAGES = np.random.default_rng(0).integers(0, 256, (37, 5, 4, 2), np.uint8)
IMAGE = IMAGES[0]


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


@pytest.fixture(scope="module")
def network():
    return stateless_network(ARCHITECTURE)


@pytest.fixture(scope="module")
def weights(network, model):
    return network.weights(to_arrays(model), SCALING)


def test_outputs_equal_hand_calculated_values(network, weights, model):
    first, second, pooled, dropped, flat, output = network.observe(weights, IMAGE)
    scaled = IMAGE * np.array(SCALING.scale) + np.array(SCALING.offset)
    padded = np.pad(scaled, ((1, 1), (1, 1), (0, 0)))
    kernels = [model.get_layer(name).kernel.numpy() for name in ("conv2d_1", "conv2d_2")]
    by_hand = np.maximum(convolved(padded, kernels[0], [0.5, -0.5]), 0)
    np.testing.assert_allclose(first.values, by_hand, rtol=1e-5, atol=1e-4)
    by_hand = convolved(by_hand, kernels[1], 0)
    np.testing.assert_allclose(second.values, by_hand, rtol=1e-5, atol=1e-4)
    by_hand = by_hand[:4, :2].reshape(2, 2, 1, 2, 3).max(axis=(1, 3))
    np.testing.assert_allclose(pooled.values, by_hand, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(dropped.values, pooled.values)
    np.testing.assert_array_equal(flat.values, pooled.values.ravel())
    assert output.values.sum() == pytest.approx(1)


def test_outputs_of_all_layers_are_in_order(network, weights):
    outputs = network.observe(weights, IMAGE)
    rows = ARCHITECTURE.trace().rows
    assert [(o.name, o.type, o.values.shape) for o in outputs] == [
        (row.name, row.type, row.output_shape) for row in rows
    ]
    assert {output.values.dtype for output in outputs} == {np.dtype("float32")}


@pytest.mark.parametrize("views", [ONLY_THE_IMAGE, PredictionViews(True), PredictionViews(True, 1)])
@pytest.mark.parametrize("count", [1, 7, 37])
def test_predictions_equal_those_of_the_model(views, count):
    layers = (Conv2D(), BatchNorm(), Dropout(), Flatten(), Dense(units=3, activation="softmax"))
    architecture = Architecture(input_shape=(5, 4, 2), classes=3, layers=layers)
    made = build(architecture, SCALING, seed=4, prediction_views=views)
    made.get_layer("batch_normalization_1").moving_mean.assign(np.linspace(-1, 1, 32))
    network = stateless_network(architecture, views)
    found = network.log_probabilities(network.weights(to_arrays(made), SCALING), IMAGES[:count])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, log_probabilities(made, IMAGES[:count]), atol=1e-6)


def test_one_network_works_with_any_weights_and_scaling(network, weights, model):
    before = network.log_probabilities(weights, IMAGES)
    other = build(ARCHITECTURE, Scaling((1.0, 1.0), (0.0, 0.0)), seed=9)
    found = network.log_probabilities(
        network.weights(to_arrays(other), Scaling((1.0, 1.0), (0.0, 0.0))), IMAGES
    )
    np.testing.assert_allclose(found, log_probabilities(other, IMAGES), atol=1e-6)
    assert stateless_network(ARCHITECTURE) is network
    np.testing.assert_array_equal(network.log_probabilities(weights, IMAGES), before)


def test_weights_are_copies(network, model):
    arrays = to_arrays(model)
    weights = network.weights(arrays, SCALING)
    before = network.log_probabilities(weights, IMAGES)
    for value in arrays.values():
        value[...] = 0
    np.testing.assert_array_equal(network.log_probabilities(weights, IMAGES), before)


_TRACES: list[int] = []


def _sum_of_kernel(forward, scale, *, first_good):
    """Reads the variable instead of the value of the call, until trace ``first_good``."""
    _TRACES.append(len(_TRACES))
    kernel = forward.nodes[0].layer.kernel
    is_good = len(_TRACES) >= first_good
    return scale * tf.reduce_sum(tf.convert_to_tensor(kernel) if is_good else kernel._value)


def test_a_graph_that_reads_variables_is_traced_again(network, weights, model):
    """As when two threads trace at once, and Keras forgets the scope of one for a moment."""
    _TRACES.clear()
    found = network.compute(weights, _sum_of_kernel, np.float32(2), first_good=3)
    kernel = model.get_layer("conv2d_1").kernel.numpy()
    assert found.numpy() == pytest.approx(2 * kernel.sum(), rel=1e-5)
    assert len(_TRACES) == 3
    with pytest.raises(RuntimeError, match="reads variables of the model"):
        network.compute(weights, _sum_of_kernel, np.float32(2), first_good=99)


def test_an_image_of_another_shape_is_refused_with_a_message(network, weights):
    with pytest.raises(ExperimentInvalid, match="takes 5×4×2 images, but got 4×4×2"):
        network.observe(weights, IMAGE[:4])
    with pytest.raises(ExperimentInvalid, match="takes 5×4×2 images, but got 4×4×2"):
        network.log_probabilities(weights, IMAGES[:, :4])
