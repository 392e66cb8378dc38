"""Names and shapes of variables computed without TensorFlow equal those of Keras."""

import math

import pytest

from cifarviz.experiment.optimizers import OPTIMIZERS, SGD, Optimizer
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.variable_shapes import model_variables, optimizer_variables
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import SEED, Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.whitening import Whitening
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays
from cifarviz.training.trainable import build_optimizer
from tests import stored_runs

LAYERS: tuple[Layer, ...] = (
    Whitening(filters=6),
    Conv2D(filters=6, kernel_size=1),
    BatchNorm(),
    Activation(activation="relu"),
    Dropout(rate=0.2),
    Dropout(rate=0.0),
    MaxPool2D(),
    Conv2D(filters=3, use_bias=False, strides=2),
    AveragePool2D(),
    Flatten(),
    BatchNorm(),
    Dense(units=5, use_bias=False),
    Dropout(rate=0.1),
    Dense(units=10, activation="softmax"),
)
POOLED: tuple[Layer, ...] = (
    Conv2D(filters=4),
    GlobalAveragePool2D(),
    Dense(units=10, activation="softmax"),
)


@pytest.mark.parametrize("layers", [LAYERS, POOLED])
@pytest.mark.parametrize(
    "optimizer",
    [*(make() for make in OPTIMIZERS.values()), SGD(momentum=0), SGD(nesterov=True)],
)
def test_names_and_shapes_are_those_of_keras(
    layers: tuple[Layer, ...], optimizer: Optimizer
) -> None:
    made = stored_runs.experiment(*layers)
    model = build(made.architecture, stored_runs.scaling_of(made))
    arrays = to_arrays(model, build_optimizer(optimizer))
    expected = {
        **model_variables(made.architecture),
        **optimizer_variables(made.architecture, optimizer),
    }
    assert expected == {name: array.shape for name, array in arrays.items()}
    assert list(expected) == list(arrays)


@pytest.mark.parametrize("preset", PRESETS)
def test_variables_of_a_preset_have_its_parameter_count(preset: str) -> None:
    network = PRESETS[preset].experiment.architecture
    shapes = model_variables(network).items()
    sizes = [math.prod(shape) for name, shape in shapes if not name.endswith(SEED)]
    assert sum(sizes) == network.parameters
