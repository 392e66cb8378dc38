"""A network as a list of layers, with its shapes and parameters.

They are computed without TensorFlow; tests compare them with Keras.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from cifarviz.layers.base import DoesNotFit, Layer, Shape
from cifarviz.layers.dropout import dropout_rates, set_dropout
from cifarviz.layers.registry import LayerSpec
from cifarviz.value import Value

MAX_PARAMETERS = 100_000_000
MAX_LAYERS = 200


@dataclass(frozen=True)
class LayerRow:
    """One layer of a network, as a table shows it."""

    name: str
    """As in Keras: ``conv2d_1``, ``max_pooling2d_1``, …"""
    type: str
    output_shape: Shape | None
    """(height, width, channels) or (values,); ``None`` after the first misfit."""
    parameters: int
    trainable_parameters: int
    operations: int
    """Multiply-adds per image of convolutions, dense layers and batch normalization."""
    problem: str | None


@dataclass(frozen=True)
class Trace:
    """The shapes, parameters and problems of a network, layer by layer."""

    rows: tuple[LayerRow, ...]
    problem: str | None
    """A problem of the network as a whole."""

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def trainable_parameters(self) -> int:
        return sum(row.trainable_parameters for row in self.rows)

    @property
    def operations(self) -> int:
        """Multiply-adds per image."""
        return sum(row.operations for row in self.rows)

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem as a text that names its layer."""
        layer_problems = (
            f"Layer {number} ({row.name}): {row.problem}"
            for number, row in enumerate(self.rows, start=1)
            if row.problem
        )
        return (*layer_problems, *([self.problem] if self.problem else []))

    @property
    def ok(self) -> bool:
        return not self.problems


class Architecture(Value):
    """A valid network: refused if ``trace`` finds a problem."""

    input_shape: tuple[
        Annotated[int, Field(ge=1, le=1024)],
        Annotated[int, Field(ge=1, le=1024)],
        Annotated[int, Field(ge=1, le=64)],
    ] = Field(title="image shape", description="Height, width and channels of the images.")
    classes: int = Field(
        ge=2, le=1000, title="number of classes", description="How many classes the data set has."
    )
    layers: tuple[LayerSpec, ...] = Field(
        title="layers", description="The layers in the order an image passes through them."
    )

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        problems = self.trace().problems
        if problems:
            raise ValueError(*problems)
        return self

    def trace(self) -> Trace:
        """Return shapes, parameters and operations, layer by layer."""
        return trace(self.input_shape, self.layers, self.classes)

    @property
    def parameters(self) -> int:
        return self.trace().parameters

    @property
    def layer_names(self) -> tuple[str, ...]:
        return layer_names(self.layers)

    def walk(self) -> Iterator[tuple[str, Layer, Shape]]:
        """Yield the name, layer and input shape of every layer; those in blocks after the block."""
        shape: Shape = self.input_shape
        for names, layer in zip(all_layer_names(self.layers), self.layers, strict=True):
            for name, (inner, incoming) in zip(names, layer.walk(shape), strict=True):
                yield name, inner, incoming
            shape = layer.output_shape(shape)

    @property
    def dropout_rates(self) -> tuple[float, ...]:
        """The rates of its dropout layers, in order."""
        return dropout_rates(self.layers)

    def with_dropout(self, rate: float) -> Self:
        """Return a copy with this rate (0 to below 1) in every dropout layer.

        ``set_dropout`` adds a dropout layer if there is none, which changes no weights. Raises
        ``ExperimentInvalid``.
        """
        return self.make(
            input_shape=self.input_shape,
            classes=self.classes,
            layers=set_dropout(self.layers, rate),
        )


def layer_names(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return Keras' names of the layers, counted by type from 1: ``conv2d_1``, …"""
    return tuple(names[0] for names in all_layer_names(layers))


def all_layer_names(layers: Sequence[Layer]) -> list[tuple[str, ...]]:
    """Return the name of each layer, followed by those of the layers inside it."""
    counts: Counter[str] = Counter()

    def name(layer: Layer) -> str:
        counts[layer.keras_name] += 1
        return f"{layer.keras_name}_{counts[layer.keras_name]}"

    return [tuple(map(name, layer.all_layers())) for layer in layers]


def trace(input_shape: Sequence[int], layers: Sequence[Layer], classes: int) -> Trace:
    """Compute the shapes and parameters of ``layers``; problems are reported, never raised.

    ``input_shape`` is (height, width, channels). After the first layer that does not fit, shapes
    are ``None`` and only problems that do not depend on a shape are found.
    """
    rows: list[LayerRow] = []
    shape: Shape | None = tuple(int(side) for side in input_shape)
    for name, layer in zip(layer_names(layers), layers, strict=True):
        row = _row(
            name, layer, shape, len(rows), is_last=len(rows) == len(layers) - 1, classes=classes
        )
        shape = row.output_shape
        rows.append(row)
    return Trace(tuple(rows), _network_problem(rows, layers, classes))


def _row(
    name: str,
    layer: Layer,
    shape: Shape | None,
    position: int,
    *,
    is_last: bool,
    classes: int,
) -> LayerRow:
    problem = layer.problem(first=position == 0, last=is_last, classes=classes)
    if shape is None:
        return LayerRow(name, layer.type, None, 0, 0, 0, problem)
    try:
        output, cost = layer.output_shape(shape), layer.cost(shape)
    except DoesNotFit as reason:
        return LayerRow(name, layer.type, None, 0, 0, 0, str(reason))
    parameters = cost.trainable + cost.frozen
    if parameters > MAX_PARAMETERS:
        problem = (
            f"This layer has {parameters:,} parameters and a network may have at most "
            f"{MAX_PARAMETERS:,}. Make it smaller, or add pooling before it."
        )
    return LayerRow(name, layer.type, output, parameters, cost.trainable, cost.operations, problem)


def _network_problem(rows: Sequence[LayerRow], layers: Sequence[Layer], classes: int) -> str | None:
    if not layers:
        return (
            "A network needs an output layer. Add a dense layer with "
            f"{classes} units (one per class) and softmax."
        )
    if len(layers) > MAX_LAYERS:
        return f"A network may have at most {MAX_LAYERS} layers, and this has {len(layers):,}."
    if not layers[-1].can_be_output:
        return (
            "The network has no output layer. Add a dense layer with "
            f"{classes} units (one per class) and softmax at the end."
        )
    total = sum(row.parameters for row in rows)
    if total > MAX_PARAMETERS and all(row.parameters <= MAX_PARAMETERS for row in rows):
        return (
            f"This network has {total:,} parameters and may have at most {MAX_PARAMETERS:,}. "
            "Use fewer filters or units, or add pooling before the dense layers."
        )
    return None
