"""A block of layers works wherever a single layer does."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter

from cifarviz.experiment.architecture import Architecture, all_layer_names, trace
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.receptive_field import ReceptiveField, receptive_field
from cifarviz.experiment.variable_shapes import model_variables, optimizer_variables
from cifarviz.export.code.network import network_section
from cifarviz.layers.base import CodeWriter, DoesNotFit, KerasBuilder, Layer, LayerCode, Shape
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.registry import LAYER_TYPES, layer_union
from cifarviz.layers.window import Span
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays
from cifarviz.training.trainable import build_optimizer
from tests import stored_runs

if TYPE_CHECKING:
    from cifarviz.layers.registry import LayerSpec

RESIDUAL_CODE = '''\
class Residual(keras.layers.Layer):
    """What comes in, added to what its layers make of it."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def build(self, shape):
        for layer in self.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, shape):
        return shape

    def call(self, values, training=False):
        result = values
        for layer in self.layers:
            result = layer(result, training=training)
        return values + result
'''


class Residual(Layer):
    """What comes in, added to what its layers make of it."""

    title: ClassVar[str] = "Residual block"
    keras_name: ClassVar[str] = "residual"
    label_name: ClassVar[str] = "Residual"

    layers: tuple["LayerSpec", ...] = ()
    type: Literal["residual"] = "residual"

    @property
    def parts(self) -> tuple[Layer, ...]:
        return self.layers

    def output_shape(self, shape: Shape) -> Shape:
        if super().output_shape(shape) != shape:
            raise DoesNotFit("The layers of a residual block give what comes in.")
        return shape

    def span_before(self, span: Span, shape: Shape, axis: int) -> Span:
        first, last = super().span_before(span, shape, axis)
        return min(first, span[0]), max(last, span[1])

    def build(self, values: Any, builder: KerasBuilder) -> Any:
        place, result = builder.place(self), values
        for layer in self.layers:
            result = layer.build(result, builder)
        return keras.layers.Add(name=place.name, dtype=place.dtype)([values, result])

    def code(self, writer: CodeWriter) -> LayerCode:
        writer.place(self).define(RESIDUAL_CODE)
        return LayerCode("Residual", (tuple(layer.code(writer) for layer in self.layers),))


SPEC = layer_union([*LAYER_TYPES.values(), Residual])


class BlockArchitecture(Architecture):
    """An architecture of a program that knows residual blocks, too."""

    layers: tuple[SPEC, ...]  # type: ignore[valid-type]


INNER = Residual(layers=(Conv2D(filters=4), Dropout(rate=0.25)))
NETWORK = BlockArchitecture(
    input_shape=(12, 10, 3),
    classes=5,
    layers=(
        Conv2D(filters=4, kernel_size=1),
        Residual(layers=(Conv2D(filters=4, initializer="identity"), BatchNorm(), INNER)),
        MaxPool2D(),
        Conv2D(filters=6),
        GlobalAveragePool2D(),
        Dense(units=5, activation="softmax"),
    ),
)
SCALING = Scaling((1 / 255,) * 3, (0.0,) * 3)


def test_a_block_is_read_from_json_as_written() -> None:
    assert BlockArchitecture.model_validate_json(NETWORK.model_dump_json()) == NETWORK
    wrong = {"type": "residual", "layers": [{"type": "residual", "layers": [{"type": "conv3d"}]}]}
    with pytest.raises(ValueError, match="conv3d"):
        TypeAdapter(SPEC).validate_python(wrong)


def test_the_row_of_a_block_sums_its_layers() -> None:
    rows = NETWORK.trace().rows
    assert [row.name for row in rows] == list(NETWORK.layer_names)
    assert NETWORK.layer_names[:4] == ("conv2d_1", "residual_1", "max_pooling2d_1", "conv2d_4")
    assert all_layer_names(NETWORK.layers)[1] == (
        "residual_1", "conv2d_2", "batch_normalization_1", "residual_2", "conv2d_3", "dropout_1",
    )  # fmt: skip
    convolution = 9 * 4 * 4
    assert rows[1].output_shape == (12, 10, 4)
    assert rows[1].parameters == 2 * (convolution + 4) + 16
    assert rows[1].trainable_parameters == 2 * (convolution + 4) + 8
    assert rows[1].operations == 2 * 120 * convolution + 120 * 4


def test_a_misfit_inside_is_a_problem_of_the_block() -> None:
    narrow = Residual(layers=(Conv2D(filters=3),))
    found = trace((8, 8, 4), [narrow, *NETWORK.layers[-2:]], 5)
    assert found.rows[0].problem == "The layers of a residual block give what comes in."
    flat = trace((8, 8, 4), [Residual(layers=(Dense(),)), *NETWORK.layers[-2:]], 5)
    assert "Dense layers need a flat vector" in str(flat.rows[0].problem)
    soft = Residual(layers=(Residual(layers=(Conv2D(filters=4, activation="softmax"),)),))
    found = trace((8, 8, 4), [soft, *NETWORK.layers[-2:]], 5)
    assert "Only the output layer can use softmax" in str(found.rows[0].problem)


def test_keras_has_the_same_parameters_and_variables() -> None:
    made = stored_runs.experiment()
    model = build(NETWORK, SCALING)
    assert model.count_params() == NETWORK.parameters
    trainable = sum(int(np.prod(one.shape)) for one in model.trainable_variables)
    assert trainable == NETWORK.trace().trainable_parameters
    shapes = {name: array.shape for name, array in to_arrays(model).items()}
    assert list(shapes.items()) == list(model_variables(NETWORK).items())
    assert {"model/004/conv2d_2/kernel", "model/008/dropout_1/seed_generator_state"} <= set(shapes)
    optimizer = build_optimizer(made.optimizer)
    both = {name: array.shape for name, array in to_arrays(model, optimizer).items()}
    expected = {**model_variables(NETWORK), **optimizer_variables(NETWORK, made.optimizer)}
    assert {name: both[name] for name in expected} == expected
    assert len(both) == len(expected)


def test_a_layer_created_out_of_order_is_refused() -> None:
    class Hasty(Residual):
        def build(self, values: Any, builder: KerasBuilder) -> Any:
            for layer in self.layers:
                values = layer.build(values, builder)
            return values

    hasty = Hasty(layers=(Conv2D(filters=3),))
    layers = (hasty, GlobalAveragePool2D(), Dense(units=5, activation="softmax"))
    with pytest.raises(AssertionError, match="residual_1"):
        build(NETWORK.model_copy(update={"layers": layers}), SCALING)


def test_its_receptive_field_is_that_of_its_layers() -> None:
    # Two convolutions of 3×3 in a row, and the 1×1 before them.
    assert receptive_field(NETWORK, "residual_1", 5, 5) == ReceptiveField(3, 3, 7, 7)
    assert receptive_field(NETWORK, "residual_1", 0, 9) == ReceptiveField(0, 7, 2, 9)


def test_the_exported_script_makes_the_same_network() -> None:
    made = stored_runs.experiment(seed=3).model_copy(update={"architecture": NETWORK})
    section = network_section(made, SCALING, "float32", in_halves={6})
    assert "DropoutInHalves(0.25, seed=layer_seed(6))" in section.code
    assert section.code.count("class Residual") == 1
    names: dict[str, Any] = {"SEED": 3, "keras": keras, "np": np}
    exec(section.code, names)
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 10, 3), np.uint8)
    ours, theirs = build(NETWORK, SCALING, seed=3), names["network"]
    assert theirs.count_params() == NETWORK.parameters
    np.testing.assert_allclose(theirs(images), ours(images), rtol=1e-5)
