"""The interface of a layer type: ``Layer``.

Only ``keras_layer`` loads TensorFlow.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cifarviz.layers.calculation import Calculation, passed_on
from cifarviz.layers.choices import InitializerName
from cifarviz.layers.window import Span, Window
from cifarviz.value import Value
from cifarviz.value_text import format_value

Shape = tuple[int, ...]
"""(height, width, channels) or (values,)."""

Fields = Mapping[str, Any]
"""A layer as plain values, including ``type``; others may be invalid, as a person typed them."""


class DoesNotFit(Exception):
    """A layer cannot take its input shape; the message says why."""


SEED = "seed_generator_state"
"""Keras' name for the state of a random generator: two integers that are not parameters."""


@dataclass(frozen=True)
class Variable:
    """An array of a layer or an optimiser with Keras' name.

    ``trainable``: the optimiser changes it, unless its layer is frozen. ``never_negative``: no
    value can be below 0, so an imported file that has one is refused. One of an optimiser that
    Keras gives no name is ``variable``.
    """

    name: str
    shape: Shape
    trainable: bool = True
    never_negative: bool = False


@dataclass(frozen=True)
class Cost:
    """The trainable and frozen parameters of a layer, and its multiply-adds per image."""

    trainable: int = 0
    frozen: int = 0
    operations: int = 0


@dataclass(frozen=True)
class LayerCode:
    """A layer in an exported script: a function and its arguments as Python code.

    A tuple as argument becomes a list of layers, for the layers of a block.
    """

    function: str
    arguments: "tuple[str | tuple[LayerCode, ...], ...]" = ()


class KerasPlace(Protocol):
    """What a Keras model provides for a layer."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def seed(self) -> int:
        """The layer's seed for random numbers."""

    def initializer(self, name: InitializerName) -> Any:
        """Return the initialiser of that name with the layer's ``seed``."""

    def penalty(self) -> Any | None:
        """Return the regulariser of a kernel, if the experiment has a penalty."""


class KerasBuilder(Protocol):
    """Returns the place of each layer, in the order of ``Layer.walk``."""

    def place(self, layer: "Layer") -> KerasPlace: ...


class CodePlace(Protocol):
    """What an exported script provides for a layer."""

    @property
    def in_halves(self) -> bool:
        """Whether the run drew the layer's random numbers for each half of a batch separately."""

    def seed(self) -> str:
        """Return Python code for the layer's seed."""

    def initializer(self, name: InitializerName) -> str: ...
    def penalty(self) -> str | None: ...
    def define(self, code: str) -> None:
        """Write a class or a function above the network, once."""

    def afterwards(self, code: str) -> None:
        """Write statements below the network, whose variable is ``network``."""


class CodeWriter(Protocol):
    """Returns the place of each layer in a script, in the order of ``Layer.walk``."""

    def place(self, layer: "Layer") -> CodePlace: ...
    def call(self, layer: LayerCode) -> LayerCode:
        """Add the precision of the layer's place in the network."""


class Layer(Value):
    """The spec of a layer: its fields, and everything computed from them.

    A type defines ``keras_layer`` and ``code_arguments``, and overrides other defaults as needed.
    A type made of other layers derives from ``layers.block.Block``.
    """

    if TYPE_CHECKING:
        # Each type has its own Literal; its position among the fields is that in stored JSON.
        type: str = ""

    keras_name: ClassVar[str]
    """Keras' name for such a layer, without the number."""
    keras_class: ClassVar[str] = ""
    """Its class in ``keras.layers``, for exported code."""
    color: ClassVar[str] = "#7D8790"
    """Its color in the drawing of a network."""
    label_name: ClassVar[str]
    """A short title for the drawing."""
    label_field: ClassVar[str | None] = None
    """The field whose value follows ``label_name``, such as the number of filters."""
    width_field: ClassVar[str | None] = None
    """The field with its number of output channels or units, if it can be changed."""
    label_is_complete: ClassVar[bool] = False
    """Whether the label includes all fields, so that texts need nothing else."""
    label_keeps_case: ClassVar[bool] = False
    """Whether the label keeps its case inside a sentence, as ReLU does."""

    has_filters: ClassVar[bool] = False
    """Whether it slides filters over the map, with a kernel (height, width, …)."""
    is_learned: ClassVar[bool] = True
    """Whether training changes its weights, if it has any."""
    is_normalization: ClassVar[bool] = False
    only_in_training: ClassVar[bool] = False
    """Whether it has no weights and is inactive outside training, as dropout is."""
    can_be_output: ClassVar[bool] = False
    """Whether it can output class probabilities; if so, it has an ``activation``."""

    @classmethod
    def fields_for(cls, shape: Shape) -> Fields:
        """Return the fields of a new layer, if possible one that takes an input of ``shape``."""
        return cls().model_dump(mode="json")

    @classmethod
    def output_fields(cls, classes: int) -> Fields:
        """Return the fields of an output layer, if the type can be one."""
        return {}

    @classmethod
    def smaller_fields(cls, fields: Fields, channels: int) -> Fields:
        """Return changes of ``fields`` for smaller maps of ``channels``; empty if none help."""
        return {"padding": "same"} if fields.get("padding") == "valid" else {}

    # Shapes and cost

    def output_shape(self, shape: Shape) -> Shape:
        """Return the output shape for an input ``shape``; raises ``DoesNotFit``."""
        return shape

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        """Return its arrays, in Keras' order, for an input ``shape``."""
        return ()

    def trains(self, variable: Variable) -> bool:
        """Whether the optimiser changes this array of the layer."""
        return variable.trainable and not self.is_frozen

    @property
    def is_frozen(self) -> bool:
        """Whether training leaves its arrays as they are; a type that can be has a ``frozen``."""
        return bool(getattr(self, "frozen", False))

    def with_frozen(self, frozen: bool) -> Self:
        """Return the layer, and all layers inside it, frozen or not, where their type can be."""
        fields = {name: _with_frozen(value, frozen) for name, value in self}
        if "frozen" in fields:
            fields["frozen"] = frozen
        return self.model_copy(update=fields)

    def with_width(self, factor: float) -> Self:
        """Return a copy with ``factor`` times as many output channels or units, at least one.

        A type without a ``width_field`` returns itself. Raises ``ExperimentInvalid``.
        """
        if self.width_field is None:
            return self
        width = max(1, round(factor * getattr(self, self.width_field)))
        return self.make(**{**dict(self), self.width_field: width})

    def operations(self, shape: Shape) -> int:
        """Return its multiply-adds per image, without layers inside it and activations."""
        return 0

    @property
    def window(self) -> Window | None:
        """The window it slides over a map, if any."""
        return None

    @property
    def draws_random_numbers(self) -> bool:
        """Whether it draws random numbers in each training step."""
        return False

    def span_before(self, span: Span, shape: Shape, axis: int) -> Span:
        """Return the rows (``axis`` 0) or columns (1) of the input that ``span`` depends on.

        ``shape`` is the shape of the input.
        """
        return span if self.window is None else self.window.span_before(span, shape[axis])

    def problem(self, *, first: bool, last: bool, classes: int) -> str | None:
        """Return a sentence on what is wrong with the layer at this place, for any shape.

        The layers inside a block are judged on their own.
        """
        if getattr(self, "activation", None) == "softmax":
            return (
                "Only the output layer can use softmax, which turns values into probabilities. "
                "Use ReLU here."
            )
        return None

    # Blocks

    is_block: ClassVar[bool] = False
    """Whether it is made of other layers."""
    branch_titles: ClassVar[tuple[str, ...]] = ()
    """The titles of a block's branches, if their number is fixed."""
    fewest_branches: ClassVar[int] = 2
    most_branches: ClassVar[int] = 2

    @classmethod
    def branch_title(cls, number: int) -> str:
        """Return the title of a branch, counted from 0: ``Shortcut``, ``Branch 2``."""
        return cls.branch_titles[number] if cls.branch_titles else f"Branch {number + 1}"

    @classmethod
    def split_fields(cls, fields: Fields) -> tuple[Fields, tuple[tuple[Fields, ...], ...]]:
        """Return its own fields, and those of the layers in each branch."""
        return fields, ()

    @classmethod
    def join_fields(cls, own: Fields, branches: Sequence[Sequence[Fields]]) -> Fields:
        """Return all fields again, from ``split_fields``."""
        return own

    def fitting_branch(self, shape: Shape) -> "tuple[int, Layer] | None":
        """Return a branch and the layer it needs for a block that does not fit otherwise.

        ``shape`` is that of the block's input. ``None`` if it fits, or nothing helps.
        """
        return None

    @property
    def branches(self) -> "Sequence[Sequence[Layer]]":
        """The layers of a block, branch by branch; each branch takes the block's input."""
        return ()

    def all_layers(self) -> "Iterator[Layer]":
        """Yield the layer itself, then all layers inside it, however deep."""
        yield self
        for branch in self.branches:
            for layer in branch:
                yield from layer.all_layers()

    def walk(self, shape: Shape) -> "Iterator[tuple[Layer, Shape]]":
        """Yield ``all_layers``, each with its input shape; raises ``DoesNotFit``."""
        yield self, shape
        for branch in self.branches:
            incoming = shape
            for layer in branch:
                yield from layer.walk(incoming)
                incoming = layer.output_shape(incoming)

    def cost(self, shape: Shape) -> Cost:
        """Return its cost including the layers inside it; raises ``DoesNotFit``."""
        walked = list(self.walk(shape))
        counted = [
            (layer, variable)
            for layer, incoming in walked
            for variable in layer.variables(incoming)
            if variable.name != SEED
        ]
        return Cost(
            sum(math.prod(variable.shape) for layer, variable in counted if layer.trains(variable)),
            sum(
                math.prod(variable.shape)
                for layer, variable in counted
                if not layer.trains(variable)
            ),
            sum(layer.operations(incoming) for layer, incoming in walked),
        )

    # Keras layer and exported code

    def keras_names(self, name: str) -> tuple[str, ...]:
        """Return the names of its Keras layers if it is called ``name``; the last is ``name``."""
        return (name,)

    def build(self, values: Any, builder: KerasBuilder) -> Any:
        """Apply the layer to the Keras tensor ``values``; returns its output tensor."""
        layer = self.keras_layer(builder.place(self))
        if self.is_frozen:
            layer.trainable = False
        return layer(values)

    def keras_layer(self, place: KerasPlace) -> Any:
        """Return the Keras layer; imports Keras."""
        raise NotImplementedError

    def code(self, writer: CodeWriter) -> LayerCode:
        """Return the layer's code."""
        place = writer.place(self)
        function = f"keras.layers.{self.keras_class}"
        if place.in_halves:
            place.define(_IN_HALVES.format(title=self.title, name=self.keras_class))
            function = f"{self.keras_class}InHalves"
        frozen = non_default(not self.is_frozen, "trainable=False")
        return writer.call(LayerCode(function, (*self.code_arguments(place), *frozen)))

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        """Return the arguments of ``keras_class`` in exported code, without name and precision."""
        return ()

    # Kernels

    def initial_kernel(
        self, images: NDArray[np.uint8], scale: Sequence[float], offset: Sequence[float]
    ) -> NDArray[np.float32] | None:
        """Return the first layer's kernel if it is computed from the training images.

        ``images`` are uint8 (n, height, width, channels); the input is ``pixel * scale + offset``,
        with a scale and an offset per channel.
        """
        return None

    def channel_kernels(self, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the kernels of its output channels, float32 (height, width, inputs, channels).

        ``kernel`` is the variable of that name, for a layer that ``has_filters``.
        """
        return kernel

    # Calculation

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        """Return how each value of an output channel, or of a unit, is calculated.

        ``inputs`` is the layer's input for an image, or the outputs of a block's branches, each
        (height, width, channels) or (values,); ``variables`` are its arrays by name. By default
        values are passed on as they are.
        """
        return passed_on(inputs[0], channel)

    # Labels

    @classmethod
    def short_label(cls, fields: Fields) -> str:
        """Return a short label for a drawing: ``Conv 32``, ``Max pool``, ``ReLU``."""
        if cls.label_field is None:
            return cls.label_name
        return f"{cls.label_name} {format_value(fields[cls.label_field])}"

    @classmethod
    def summary(cls, fields: Fields) -> str:
        """Return its settings: ``32 filters 3×3, same padding, ReLU``; ``""`` without any."""
        frozen = "frozen" if fields.get("frozen") else ""
        return ", ".join(part for part in (*cls.summary_parts(fields), frozen) if part)

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        """Return the parts of ``summary``; empty parts are omitted."""
        return ()


def _with_frozen(value: Any, frozen: bool) -> Any:
    if isinstance(value, Layer):
        return value.with_frozen(frozen)
    if isinstance(value, tuple):
        return tuple(_with_frozen(item, frozen) for item in value)
    return value


def format_shape(shape: Sequence[int]) -> str:
    """Return ``(4, 4, 64)`` as ``"4×4×64"``."""
    return "×".join(str(side) for side in shape)


def map_shape(shape: Shape) -> tuple[int, int, int]:
    """Return height, width and channels; raises ``DoesNotFit`` for a flat vector."""
    if len(shape) != 3:
        raise DoesNotFit(
            f"Convolution and pooling need maps, and the input is a flat vector of {shape[0]:,} "
            "values. Move this layer before Flatten or global pooling."
        )
    return shape[0], shape[1], shape[2]


def slide_window(shape: Shape, window: Window, smaller: str) -> tuple[int, int]:
    """Return height and width of a map after ``window``; raises ``DoesNotFit``.

    ``smaller`` names the field with the window's size in the message.
    """
    height, width, _ = map_shape(shape)
    if window.padding == "valid" and window.extent > min(height, width):
        raise DoesNotFit(
            f"A {window.extent}×{window.extent} window without padding does not fit on a "
            f"{height}×{width} map. Use same padding, a smaller {smaller}, or less pooling before "
            "it."
        )
    return window.places(height), window.places(width)


def non_default(is_default: bool, argument: str) -> tuple[str, ...]:
    """Return the argument of an exported call, unless it is Keras' default."""
    return () if is_default else (argument,)


def kernel_arguments(
    place: CodePlace, activation: str, initializer: InitializerName, use_bias: bool, kernel: str
) -> list[str]:
    """The arguments that layers with a trained kernel share; Keras calls it ``kernel``."""
    penalty = place.penalty()
    return [
        *non_default(activation == "linear", f'activation="{activation}"'),
        f"{kernel}_initializer={place.initializer(initializer)}",
        *non_default(penalty is None, f"{kernel}_regularizer={penalty}"),
        *non_default(use_bias, "use_bias=False"),
    ]


_IN_HALVES = dedent(
    '''\
    class {name}InHalves(keras.layers.{name}):
        """{title} that draws its random numbers for each half of a batch separately.

        The run was trained this way, on two cores, so this gives the same history. Drawing for
        the whole batch at once (keras.layers.{name}) works as well and gives a different history.
        """

        def call(self, values, training=False):
            if not training:
                return values
            middle = keras.ops.shape(values)[0] // 2
            first = super().call(values[:middle], training=True)
            second = super().call(values[middle:], training=True)
            return keras.ops.concatenate([first, second])
    '''
)
