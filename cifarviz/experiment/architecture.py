"""A network as a list of layers, with its shapes and parameters.

They are computed without TensorFlow; tests compare them with Keras.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

from pydantic import Field, model_validator

from cifarviz.layers.base import DoesNotFit, Layer, Shape
from cifarviz.layers.dropout import dropout_rates, set_dropout
from cifarviz.layers.registry import LayerSpec
from cifarviz.value import Value

MAX_PARAMETERS = 100_000_000
MAX_LAYERS = 200
MAX_DEPTH = 4


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
    branches: "tuple[tuple[LayerRow, ...], ...]" = ()
    """The rows of the layers inside a block, branch by branch."""

    @property
    def all_rows(self) -> "Iterator[LayerRow]":
        """The rows of the layers inside it in the order of calculation, then itself."""
        for branch in self.branches:
            for row in branch:
                yield from row.all_rows
        yield self

    def problems(self, where: str) -> Iterator[str]:
        """Every problem as a text; ``where`` is the layer's position: ``Layer 3``."""
        for number, branch in enumerate(self.branches, start=1):
            for place, row in enumerate(branch, start=1):
                yield from row.problems(f"{where}, branch {number}, layer {place}")
        if self.problem:
            yield f"{where} ({self.name}): {self.problem}"


@dataclass(frozen=True)
class Trace:
    """The shapes, parameters and problems of a network, layer by layer."""

    rows: tuple[LayerRow, ...]
    problem: str | None
    """A problem of the network as a whole."""

    @property
    def all_rows(self) -> tuple[LayerRow, ...]:
        """The rows of all layers in the order of calculation; those in a block before it."""
        return tuple(inner for row in self.rows for inner in row.all_rows)

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
            problem
            for number, row in enumerate(self.rows, start=1)
            for problem in row.problems(f"Layer {number}")
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

    @property
    def layer_count(self) -> int:
        """How many layers it has, those inside blocks included, but not the blocks."""
        return sum(not layer.branches for _, layer, _ in self.walk())

    @property
    def named_layers(self) -> "tuple[NamedLayer, ...]":
        return named_layers(self.layers)

    def find_layer(self, name: str) -> Layer | None:
        """Return the layer of that name, also from inside a block."""
        return next((layer for found, layer, _ in self.walk() if found == name), None)

    def walk(self) -> Iterator[tuple[str, Layer, Shape]]:
        """Yield the name, layer and input shape of every layer; those in blocks after the block."""
        shape: Shape = self.input_shape
        for named in self.named_layers:
            walked = named.layer.walk(shape)
            for name, (inner, incoming) in zip(named.all_names(), walked, strict=True):
                yield name, inner, incoming
            shape = named.layer.output_shape(shape)

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

    @property
    def is_partly_frozen(self) -> bool:
        """Whether any layer is frozen."""
        return any(inner.is_frozen for layer in self.layers for inner in layer.all_layers())

    def with_frozen(self, count: int) -> Self:
        """Return a copy whose first ``count`` layers are frozen, as far as they have weights.

        All others are not: 0 unfreezes every layer.
        """
        layers = [layer.with_frozen(number < count) for number, layer in enumerate(self.layers)]
        return self.make(input_shape=self.input_shape, classes=self.classes, layers=layers)


@dataclass(frozen=True)
class NamedLayer:
    """A layer with its Keras name, and the layers inside it, branch by branch."""

    name: str
    layer: Layer
    branches: "tuple[tuple[NamedLayer, ...], ...]"

    def all_names(self) -> Iterator[str]:
        """Yield its name, then those of the layers inside it."""
        yield self.name
        for branch in self.branches:
            for inner in branch:
                yield from inner.all_names()


def named_layers(layers: Sequence[Layer]) -> tuple[NamedLayer, ...]:
    """Return the layers with Keras' names, counted by type from 1: ``conv2d_1``, …

    A block is counted before the layers inside it.
    """
    counts: Counter[str] = Counter()

    def named(layer: Layer) -> NamedLayer:
        counts[layer.keras_name] += 1
        name = f"{layer.keras_name}_{counts[layer.keras_name]}"
        return NamedLayer(
            name, layer, tuple(tuple(map(named, branch)) for branch in layer.branches)
        )

    return tuple(map(named, layers))


def layer_names(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the names of ``layers``, without those inside them."""
    return tuple(named.name for named in named_layers(layers))


def trace(input_shape: Sequence[int], layers: Sequence[Layer], classes: int) -> Trace:
    """Compute the shapes and parameters of ``layers``; problems are reported, never raised.

    ``input_shape`` is (height, width, channels). After the first layer that does not fit, shapes
    are ``None`` and only problems that do not depend on a shape are found.
    """
    rows = _rows(named_layers(layers), tuple(map(int, input_shape)), classes, is_inside=False)
    return Trace(rows, _network_problem(rows, layers, classes))


def _rows(
    layers: Sequence[NamedLayer], shape: Shape | None, classes: int, *, is_inside: bool
) -> tuple[LayerRow, ...]:
    rows: list[LayerRow] = []
    for place, named in enumerate(layers):
        problem = named.layer.problem(
            first=place == 0 and not is_inside,
            last=place == len(layers) - 1 and not is_inside,
            classes=classes,
        )
        row = _row(named, shape, problem, classes)
        shape = row.output_shape
        rows.append(row)
    return tuple(rows)


def _row(named: NamedLayer, shape: Shape | None, problem: str | None, classes: int) -> LayerRow:
    layer = named.layer
    branches = tuple(_rows(branch, shape, classes, is_inside=True) for branch in named.branches)
    unknown = LayerRow(named.name, layer.type, None, 0, 0, 0, problem, branches)
    if shape is None or any(row.output_shape is None for branch in branches for row in branch):
        return unknown
    try:
        output, cost = layer.output_shape(shape), layer.cost(shape)
    except DoesNotFit as reason:
        return replace(unknown, problem=str(reason))
    parameters = cost.trainable + cost.frozen
    if parameters > MAX_PARAMETERS:
        problem = (
            f"This layer has {parameters:,} parameters and a network may have at most "
            f"{MAX_PARAMETERS:,}. Make it smaller, or add pooling before it."
        )
    return LayerRow(
        named.name,
        layer.type,
        output,
        parameters,
        cost.trainable,
        cost.operations,
        problem,
        branches,
    )


def _depth(layers: Sequence[Layer]) -> int:
    """Return how many blocks are inside one another."""
    depth = 0
    inside = [branch for layer in layers for branch in layer.branches]
    while inside:
        depth += 1
        inside = [branch for layers in inside for layer in layers for branch in layer.branches]
    return depth


def _network_problem(rows: Sequence[LayerRow], layers: Sequence[Layer], classes: int) -> str | None:
    if not layers:
        return (
            "A network needs an output layer. Add a dense layer with "
            f"{classes} units (one per class) and softmax."
        )
    if _depth(layers) > MAX_DEPTH:
        return f"Blocks may be inside one another at most {MAX_DEPTH} deep. Use fewer."
    count = sum(1 for layer in layers for _ in layer.all_layers())
    if count > MAX_LAYERS:
        return f"A network may have at most {MAX_LAYERS} layers, and this has {count:,}."
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
