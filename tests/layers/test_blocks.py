"""A block of layers works wherever a single layer does."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import MAX_DEPTH, MAX_LAYERS, Architecture, trace
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.receptive_field import ReceptiveField, receptive_field
from cifarviz.experiment.variable_shapes import model_variables, optimizer_variables
from cifarviz.export.code.network import network_section
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.concatenation import Concatenation
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.residual import Residual, residual
from cifarviz.layers.separable_conv2d import SeparableConv2D
from cifarviz.network.build import build
from cifarviz.network.inference import compute_logits, log_probabilities
from cifarviz.network.stateless import stateless_network
from cifarviz.network.threads import split_batch
from cifarviz.network.variables import to_arrays, trainable_variables
from cifarviz.training.forward import forward
from cifarviz.training.trainable import build_optimizer
from tests import stored_runs

INNER = Residual(branch=(Conv2D(filters=4), Dropout(rate=0.25)), activation="linear")
NETWORK = Architecture(
    input_shape=(12, 10, 3),
    classes=5,
    layers=(
        Conv2D(filters=4, kernel_size=1),
        Residual(branch=(Conv2D(filters=4, initializer="identity"), BatchNorm(), INNER)),
        MaxPool2D(),
        Residual(
            branch=(Conv2D(filters=6, strides=2), BatchNorm()),
            shortcut=(Conv2D(filters=6, kernel_size=1, strides=2), BatchNorm()),
        ),
        Concatenation(inputs=((), (Conv2D(filters=3),), (SeparableConv2D(filters=2),))),
        GlobalAveragePool2D(),
        Dense(units=5, activation="softmax"),
    ),
)
SCALING = Scaling((1 / 255,) * 3, (0.0,) * 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (21, 12, 10, 3), np.uint8)


def test_a_block_is_read_from_json_as_written() -> None:
    assert Architecture.model_validate_json(NETWORK.model_dump_json()) == NETWORK
    wrong = {"type": "residual", "branch": [{"type": "residual", "branch": [{"type": "conv3d"}]}]}
    with pytest.raises(ExperimentInvalid, match="conv3d"):
        Architecture.make(input_shape=(8, 8, 3), classes=5, layers=(wrong, *NETWORK.layers[-2:]))


def test_the_row_of_a_block_sums_its_layers() -> None:
    rows = NETWORK.trace().rows
    assert [row.name for row in rows] == list(NETWORK.layer_names)
    assert NETWORK.layer_names[:4] == ("conv2d_1", "residual_1", "max_pooling2d_1", "residual_3")
    convolution = 9 * 4 * 4
    assert rows[1].output_shape == (12, 10, 4)
    assert rows[1].parameters == 2 * (convolution + 4) + 16
    assert rows[1].trainable_parameters == 2 * (convolution + 4) + 8
    assert rows[1].operations == 2 * 120 * convolution + 120 * 4
    assert rows[4].output_shape == (3, 3, 6 + 3 + 2)
    assert [row.name for row in rows[1].all_rows] == [
        "conv2d_2", "batch_normalization_1", "conv2d_3", "dropout_1", "residual_2", "residual_1",
    ]  # fmt: skip


def test_a_misfit_inside_is_named_with_its_place() -> None:
    end = NETWORK.layers[-2:]
    narrow = Residual(branch=(Conv2D(filters=3),))
    (problem,) = trace((8, 8, 4), [narrow, *end], 5).problems
    assert problem.startswith("Layer 1 (residual_1): The branch gives 8×8×3 and the shortcut 8×8×4")
    flat = Residual(branch=(Conv2D(filters=4), Dense()))
    (problem,) = trace((8, 8, 4), [flat, *end], 5).problems
    assert problem.startswith("Layer 1, branch 1, layer 2 (dense_1): Dense layers need a flat")
    soft = Residual(branch=(Residual(branch=(Conv2D(filters=4, activation="softmax"),)),))
    (problem,) = trace((8, 8, 4), [soft, *end], 5).problems
    assert "branch 1, layer 1, branch 1, layer 1 (conv2d_1): Only the output layer" in problem
    sides = Concatenation(inputs=((), (MaxPool2D(),)))
    (problem,) = trace((8, 8, 4), [sides, *end], 5).problems
    assert "same height and width" in problem
    assert "no layers" in str(trace((8, 8, 4), [Residual(), *end], 5).problems)


def test_blocks_inside_one_another_have_a_limit() -> None:
    layer: Layer = Conv2D(filters=4)
    for _ in range(MAX_DEPTH + 1):
        layer = Residual(branch=(layer,))
    (problem,) = trace((8, 8, 4), [layer, *NETWORK.layers[-2:]], 5).problems
    assert f"at most {MAX_DEPTH} deep" in problem
    many = Residual(branch=(Conv2D(filters=4),) * MAX_LAYERS)
    (problem,) = trace((8, 8, 4), [many, *NETWORK.layers[-2:]], 5).problems
    assert f"at most {MAX_LAYERS} layers" in problem


def test_a_shortcut_that_fits_is_found() -> None:
    block = residual(8, strides=2)
    fitting = block.fitting_branch((9, 9, 4))
    assert fitting is not None
    assert fitting[0] == 1
    assert fitting[1].output_shape((9, 9, 4)) == block.branches[0][0].output_shape((9, 9, 4))
    assert residual(8).fitting_branch((9, 9, 8)) is None
    assert Residual(branch=(Flatten(),)).fitting_branch((9, 9, 8)) is None


def test_keras_has_the_same_parameters_and_variables() -> None:
    made = stored_runs.experiment()
    model = build(NETWORK, SCALING)
    assert model.count_params() == NETWORK.parameters
    trainable = sum(int(np.prod(one.shape)) for one in model.trainable_variables)
    assert trainable == NETWORK.trace().trainable_parameters
    shapes = {name: array.shape for name, array in to_arrays(model).items()}
    assert list(shapes.items()) == list(model_variables(NETWORK).items())
    assert {"model/004/conv2d_2/kernel", "model/008/dropout_1/seed_generator_state"} <= set(shapes)
    assert list(shapes) == list(model_variables(NETWORK))
    optimizer = build_optimizer(made.optimizer)
    both = {name: array.shape for name, array in to_arrays(model, optimizer).items()}
    expected = {**model_variables(NETWORK), **optimizer_variables(NETWORK, made.optimizer)}
    assert {name: both[name] for name in expected} == expected
    assert len(both) == len(expected)


def test_its_receptive_field_is_that_of_its_layers() -> None:
    # Two convolutions of 3×3 in a row, and the 1×1 before them.
    assert receptive_field(NETWORK, "residual_1", 5, 5) == ReceptiveField(3, 3, 7, 7)
    assert receptive_field(NETWORK, "residual_1", 0, 9) == ReceptiveField(0, 7, 2, 9)
    # Inside a block.
    assert receptive_field(NETWORK, "conv2d_2", 5, 5) == ReceptiveField(4, 4, 6, 6)


def test_the_exported_script_makes_the_same_network() -> None:
    made = stored_runs.experiment(seed=3).model_copy(update={"architecture": NETWORK})
    section = network_section(made, SCALING, "float32", in_halves={6})
    assert "DropoutInHalves(0.25, seed=layer_seed(6))" in section.code
    assert section.code.count("class ResidualBlock") == 1
    names: dict[str, Any] = {"SEED": 3, "keras": keras, "np": np}
    exec(section.code, names)
    ours, theirs = build(NETWORK, SCALING, seed=3), names["network"]
    assert theirs.count_params() == NETWORK.parameters
    np.testing.assert_allclose(theirs(IMAGES), ours(IMAGES), rtol=1e-5)


def test_layers_inside_are_observed_as_keras_calculates_them() -> None:
    model = build(NETWORK, SCALING, seed=3)
    stateless = stateless_network(NETWORK)
    weights = stateless.weights(to_arrays(model), SCALING)
    found = stateless.observe_all(weights, IMAGES[:2])
    assert [one.name for one in found] == [row.name for row in NETWORK.trace().all_rows]
    for one in found:
        inside = keras.Model(model.input, model.get_layer(one.name).output)
        np.testing.assert_allclose(one.values, inside(IMAGES[:2]), atol=1e-5)
    logs = stateless.log_probabilities(weights, IMAGES)
    np.testing.assert_allclose(np.exp(logs), model(IMAGES), atol=1e-6)
    np.testing.assert_allclose(log_probabilities(model, IMAGES), logs, atol=1e-5)
    maps = stateless.attention(weights, IMAGES[0], "conv2d_3", 2)
    assert maps.shape == (12, 10)


@pytest.mark.parametrize("parts", [1, 2])
def test_training_in_parts_equals_keras(parts: int) -> None:
    network = NETWORK.with_dropout(0.0)
    ours, whole = build(network, SCALING, seed=3), build(network, SCALING, seed=3)
    labels = tf.constant(np.arange(len(IMAGES)) % 5)

    def gradients(model: keras.Model, logits_of: Any) -> list[np.ndarray]:
        with tf.GradientTape() as tape:
            logits = logits_of(model)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        values = [variable.value for variable in trainable_variables(model)]
        return [gradient.numpy() for gradient in tape.gradient(loss, values)]

    split = split_batch(tf.constant(IMAGES), parts)
    found = gradients(ours, lambda model: tf.concat(forward(model, split, len(IMAGES)), 0))
    before = whole.layers[-1].input
    logits = keras.Model(whole.input, before)
    expected = gradients(
        whole, lambda model: compute_logits(model.layers[-1], logits(IMAGES, training=True))
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    for one, other in zip(ours.weights, whole.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6)


def test_dropout_inside_a_block_is_set_with_the_others() -> None:
    assert NETWORK.dropout_rates == (0.25,)
    changed = NETWORK.with_dropout(0.5)
    assert changed.dropout_rates == (0.5,)
    assert len(changed.layers) == len(NETWORK.layers)
