"""Shapes, parameters and problems of a network, without TensorFlow."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import MAX_PARAMETERS, Architecture, trace
from cifarviz.layers.activation import Activation
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from cifarviz.layers.registry import LAYER_TYPES, LayerSpec
from cifarviz.layers.whitening import Whitening

OUTPUT = Dense(units=10, activation="softmax")


def network_problem(*layers):
    """What is wrong with the network, while nothing is wrong with any one of its layers."""
    result = trace((32, 32, 3), layers, 10)
    assert not result.ok
    assert all(row.problem is None for row in result.rows)
    return result.problem or ""


def problems_of(*layers, shape=(32, 32, 3)):
    return [row.problem for row in trace(shape, layers, 10).rows]


def test_a_window_larger_than_the_map_is_a_problem_of_its_row_only():
    found = problems_of(
        MaxPool2D(), Conv2D(kernel_size=5, padding="valid"), Conv2D(), OUTPUT, shape=(6, 6, 3)
    )
    assert found == [
        None,
        "A 5×5 window without padding does not fit on a 3×3 map. Use same padding, a smaller "
        "kernel, or less pooling before it.",
        None,
        None,
    ]


def test_shapes_are_unknown_from_the_first_misfit_on():
    rows = trace((6, 6, 3), (Flatten(), Conv2D(), BatchNorm(), OUTPUT), 10).rows
    assert [row.output_shape for row in rows] == [(108,), None, None, None]


@pytest.mark.parametrize("pool", [MaxPool2D(pool_size=4), AveragePool2D(pool_size=4)])
def test_pooling_window_larger_than_the_map(pool):
    assert (
        "4×4 window without padding does not fit on a 3×3 map"
        in problems_of(pool, Flatten(), OUTPUT, shape=(3, 3, 1))[0]
    )


def test_same_padding_takes_any_window():
    architecture = Architecture(
        input_shape=(3, 3, 1),
        classes=10,
        layers=(
            Conv2D(kernel_size=9),
            MaxPool2D(pool_size=7, padding="same"),
            GlobalMaxPool2D(),
            OUTPUT,
        ),
    )
    assert [row.output_shape for row in architecture.trace().rows] == [
        (3, 3, 32),
        (2, 2, 32),
        (32,),
        (10,),
    ]


def test_dense_on_a_map_needs_flatten():
    assert problems_of(Conv2D(filters=64), OUTPUT, shape=(4, 4, 3))[1] == (
        "Dense layers need a flat vector, and the input has the shape 4×4×64. "
        "Add Flatten or global pooling before this layer."
    )


@pytest.mark.parametrize(
    "late", [Conv2D(), MaxPool2D(), AveragePool2D(), GlobalAveragePool2D(), GlobalMaxPool2D()]
)
def test_layers_for_maps_after_flatten(late):
    assert "is a flat vector of 3,072 values" in problems_of(Flatten(), late, OUTPUT)[1]


@pytest.mark.parametrize("early", [Conv2D(activation="softmax"), Activation(activation="softmax")])
def test_softmax_in_the_middle_is_refused_with_the_reason(early):
    assert "Only the output layer can use softmax" in problems_of(early, Flatten(), OUTPUT)[0]


def test_softmax_in_the_middle_is_found_after_a_misfit():
    found = problems_of(Flatten(), Conv2D(), Dense(activation="softmax"), OUTPUT)
    assert "flat vector" in found[1]
    assert "softmax" in found[2]


def test_missing_layers_are_problems_of_the_network():
    assert "needs an output layer" in network_problem()
    unfinished = network_problem(Conv2D(), Flatten())
    assert "no output layer" in unfinished
    assert "10 units" in unfinished


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (
            Dense(units=12, activation="softmax"),
            "needs 10 units (one per class), and this layer has 12",
        ),
        (Dense(units=10, activation="relu"), "needs softmax"),
        (Dense(units=64, activation="relu"), "last layer must be the output"),
    ],
)
def test_wrong_output_layer(last, message):
    assert message in problems_of(Flatten(), last)[1]


def test_only_the_output_layer_may_start_with_zeros():
    zeros = Dense(units=10, activation="softmax", initializer="zeros")
    assert not any(problems_of(Flatten(), zeros))
    hidden = problems_of(Flatten(), Dense(units=8, initializer="zeros"), zeros)
    assert "nothing is learned" in hidden[1]
    frozen = zeros.model_copy(update={"frozen": True})
    assert "A frozen layer of zeros" in problems_of(Flatten(), frozen)[1]


def test_a_billion_parameters_are_a_problem_of_the_layer():
    result = trace((256, 256, 3), (Flatten(), Dense(units=65_536), OUTPUT), 10)
    assert "has 12,884,967,424 parameters" in (result.rows[1].problem or "")
    assert result.rows[2].problem is None
    assert result.problem is None


def test_many_large_layers_are_a_problem_of_the_network():
    layers = [Conv2D(filters=1024) for _ in range(12)]
    found = network_problem(*layers, GlobalMaxPool2D(), OUTPUT)
    assert f"at most {MAX_PARAMETERS:,}" in found


def test_endless_networks_are_refused():
    assert "at most 200 layers" in network_problem(*[Conv2D(filters=1)] * 5_000)


def test_an_architecture_with_problems_cannot_be_made():
    with pytest.raises(ExperimentInvalid, match=r"Layer 2 \(dense_1\): Dense layers need"):
        Architecture.make(input_shape=(32, 32, 3), classes=10, layers=(Conv2D(), OUTPUT))


def test_names_count_by_type_as_in_keras():
    layers = (
        Conv2D(),
        Conv2D(),
        BatchNorm(),
        Activation(),
        MaxPool2D(),
        AveragePool2D(),
        Dropout(),
        GlobalAveragePool2D(),
        Dense(),
        OUTPUT,
    )
    architecture = Architecture(input_shape=(32, 32, 3), classes=10, layers=layers)
    assert architecture.layer_names == (
        "conv2d_1",
        "conv2d_2",
        "batch_normalization_1",
        "activation_1",
        "max_pooling2d_1",
        "average_pooling2d_1",
        "dropout_1",
        "global_average_pooling2d_1",
        "dense_1",
        "dense_2",
    )


def test_parameters_and_operations_by_hand():
    layers = (
        Conv2D(filters=4, kernel_size=3, strides=2, padding="valid"),
        BatchNorm(),
        Activation(),
        Dropout(),
        Flatten(),
        BatchNorm(),
        Dense(units=5),
        OUTPUT,
    )
    result = trace((8, 8, 2), layers, 10)
    assert [row.output_shape for row in result.rows] == [
        *[(3, 3, 4)] * 4,
        (36,),
        (36,),
        (5,),
        (10,),
    ]
    assert [row.parameters for row in result.rows] == [76, 16, 0, 0, 0, 144, 185, 60]
    assert [row.operations for row in result.rows] == [9 * 72, 36, 0, 0, 0, 36, 180, 50]
    assert result.parameters == 481
    assert result.trainable_parameters == 481 - 8 - 72


def test_whitening_is_counted_and_not_trained():
    layers = (Whitening(filters=24), Flatten(), Dense(units=10, activation="softmax"))
    (whitening, *_), result = trace((8, 8, 3), layers, 10).rows, trace((8, 8, 3), layers, 10)
    assert result.ok
    assert (whitening.name, whitening.output_shape) == ("whitening_1", (7, 7, 24))
    assert (whitening.parameters, whitening.trainable_parameters) == (2 * 2 * 3 * 24, 0)
    assert whitening.operations == 7 * 7 * 2 * 2 * 3 * 24


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ((Conv2D(), Whitening()), "Whitening is computed from the input images, so it"),
        ((Whitening(filters=26),), "A 2×2×3 patch has 12 values, so this"),
        ((Whitening(kernel_size=8),), "Patches of 8×8 pixels do not fit on a 7×7 image"),
    ],
)
def test_problems_of_whitening(layers, problem):
    output = (Flatten(), Dense(units=10, activation="softmax"))
    message = trace((7, 7, 3), (*layers, *output), 10).rows[len(layers) - 1].problem
    assert message is not None
    assert message.startswith(problem)


def test_layers_without_bias_have_fewer_parameters():
    layers = (
        Conv2D(filters=4, use_bias=False),
        Flatten(),
        Dense(units=10, activation="softmax", use_bias=False),
    )
    rows = trace((8, 8, 3), layers, 10).rows
    assert [row.parameters for row in rows] == [9 * 3 * 4, 0, 256 * 10]


any_layer = st.sampled_from(sorted(LAYER_TYPES)).flatmap(
    lambda kind: st.builds(
        LAYER_TYPES[kind],
        **{
            # Whitening has an even number of filters.
            name: st.integers(1, 12).map(lambda number: 2 * number)
            if name == "filters"
            else st.integers(1, 8)
            for name in ("filters", "kernel_size", "strides", "pool_size", "units")
            if name in LAYER_TYPES[kind].model_fields
        },
    )
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)), st.lists(any_layer))
def test_any_list_of_layers_is_traced_without_raising(shape, layers):
    result = trace(shape, layers, 10)
    assert len(result.rows) == len(layers)
    assert result.ok == (not result.problems)
    unknown = [number for number, row in enumerate(result.rows) if row.output_shape is None]
    assert unknown == list(range(len(layers) - len(unknown), len(layers)))
    assert all(result.rows[number].problem for number in unknown[:1])
    assert all(min(row.output_shape) >= 1 for row in result.rows if row.output_shape)
    assert result.ok == can_be_made(shape, layers)


def can_be_made(shape, layers):
    try:
        Architecture(input_shape=shape, classes=10, layers=layers)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", LAYER_TYPES)
def test_every_layer_type_is_read_back_by_its_name(kind):
    layer = TypeAdapter(LayerSpec).validate_python(
        {"type": kind, **({"activation": "relu"} if kind == "activation" else {})}
    )
    assert type(layer) is LAYER_TYPES[kind]


def test_nothing_here_needs_tensorflow():
    code = (
        "import sys, cifarviz.experiment.presets; "
        "assert not {'tensorflow', 'keras', 'streamlit', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
