"""What a layer type tells the rest of the program about itself: the interface of ``Layer``.

Nothing here, and nothing that a layer does before ``keras_layer``, loads TensorFlow.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.layers.choices import InitializerName
from cifarviz.layers.window import Span, Window
from cifarviz.value import Value
from cifarviz.value_text import value_words

Shape = tuple[int, ...]
"""(height, width, channels) or (values,)."""

Fields = Mapping[str, Any]
"""A layer as plain values, ``type`` among them; the others may be wrong, as somebody typed them."""


class DoesNotFit(Exception):
    """This layer cannot take what comes in; the message says why."""


SEED = "seed_generator_state"
"""Keras' name for the state of a random generator: two integers, which are no parameters."""


@dataclass(frozen=True)
class Variable:
    """One array of a layer, named as Keras names it; ``trainable``: the optimiser changes it."""

    name: str
    shape: Shape
    trainable: bool = True


@dataclass(frozen=True)
class Cost:
    """What a layer costs: parameters, by whether they are trained, and multiply-adds an image."""

    trainable: int = 0
    frozen: int = 0
    operations: int = 0


@dataclass(frozen=True)
class LayerCode:
    """A layer in an exported script: a function and its arguments as Python.

    An argument that is a tuple becomes a list of layers: those that a layer is made of.
    """

    function: str
    arguments: "tuple[str | tuple[LayerCode, ...], ...]" = ()


class KerasPlace(Protocol):
    """Where in a Keras model a layer is put, and what it gets there."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def seed(self) -> int:
        """A seed of the layer's own, for whatever it draws."""

    def initializer(self, name: InitializerName) -> Any:
        """The initialiser of that name, drawing from ``seed``."""

    def penalty(self) -> Any | None:
        """The regulariser of a kernel, if the experiment has one."""


class KerasBuilder(Protocol):
    """Gives each layer its place, in the order of ``Layer.walk``."""

    def place(self, layer: "Layer") -> KerasPlace: ...


class CodePlace(Protocol):
    """Where in an exported script a layer is written, and what the script can give it."""

    @property
    def in_halves(self) -> bool:
        """Whether the run drew the layer's random numbers for each half of a batch by itself."""

    def seed(self) -> str:
        """The Python for the layer's own seed."""

    def initializer(self, name: InitializerName) -> str: ...
    def penalty(self) -> str | None: ...
    def define(self, code: str) -> None:
        """Have a class or a function written above the network, once."""

    def afterwards(self, code: str) -> None:
        """Have statements written below the network, which is called ``network``."""


class CodeWriter(Protocol):
    """Gives each layer its place in a script, in the order of ``Layer.walk``."""

    def place(self, layer: "Layer") -> CodePlace: ...
    def call(self, layer: LayerCode) -> LayerCode:
        """The layer with the precision that its place in the network has."""


class Layer(Value):
    """The spec of one layer: its fields, and all that follows from them.

    A type defines ``keras_layer`` and ``code_arguments``, and what is not as the defaults here say.
    One that is made of other layers (a block) keeps them in a field, gives them as ``parts``, and
    defines ``build`` and ``code``. The rest adds up, with shapes and spans as where its parts
    follow one another; a block that branches extends them.
    """

    if TYPE_CHECKING:
        # Each type has a Literal of its own; where it stands among the fields, stored JSON has it.
        type: str = ""

    keras_name: ClassVar[str]
    """The name Keras gives such a layer, which a number is added to."""
    keras_class: ClassVar[str] = ""
    """Its class in ``keras.layers``, for exported code."""
    color: ClassVar[str] = "#7D8790"
    """Its blocks in the drawing of a network."""
    label_name: ClassVar[str]
    """Its title cut to a word or two, for the drawing."""
    label_field: ClassVar[str | None] = None
    """The field whose value follows ``label_name``, such as the number of filters."""
    label_is_complete: ClassVar[bool] = False
    """Whether the label tells all there is to tell of such a layer, so that no more is listed."""
    label_keeps_case: ClassVar[bool] = False
    """Whether the label is written alike everywhere, as ReLU is."""

    has_filters: ClassVar[bool] = False
    """Whether it slides filters over the map: it has a kernel (height, width, …) to look at."""
    is_learned: ClassVar[bool] = True
    """Whether training changes its weights, if it has any."""
    is_normalization: ClassVar[bool] = False
    only_in_training: ClassVar[bool] = False
    """Whether it has no weights and does nothing once the network is trained, as dropout."""
    can_be_output: ClassVar[bool] = False
    """Whether it can give the classes' probabilities; if so, it has an ``activation``."""

    @classmethod
    def output_fields(cls, classes: int) -> Fields:
        """The fields that make it the output layer, where it can be one."""
        return {}

    @classmethod
    def smaller_fields(cls, fields: Fields, channels: int) -> Fields:
        """Changes of ``fields`` for smaller maps, with so many channels; empty where none help."""
        return {"padding": "same"} if fields.get("padding") == "valid" else {}

    # What it makes of an image

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of what it makes of values of ``shape``; raises ``DoesNotFit``.

        Here that of its parts, one after the other; without parts the shape stays.
        """
        for part in self.parts:
            shape = part.output_shape(shape)
        return shape

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        """Its own arrays, in Keras' order, where values of ``shape`` come in."""
        return ()

    def operations(self, shape: Shape) -> int:
        """The multiply-adds that it spends itself on an image; activations count nothing."""
        return 0

    @property
    def window(self) -> Window | None:
        """What it slides over a map, if it does."""
        return None

    @property
    def draws_random_numbers(self) -> bool:
        """Whether it draws random numbers in each training step."""
        return False

    def span_before(self, span: Span, shape: Shape, axis: int) -> Span:
        """The rows (``axis`` 0) or columns (1) of the map that comes in which ``span`` is made of.

        ``shape`` is that of the map that comes in.
        """
        for part, incoming in reversed([*zip(self.parts, self.part_shapes(shape), strict=True)]):
            span = part.span_before(span, incoming, axis)
        return span if self.window is None else self.window.span_before(span, shape[axis])

    def problem(self, *, first: bool, last: bool, classes: int) -> str | None:
        """What is wrong with such a layer at this place, whatever the shape, in a sentence."""
        if getattr(self, "activation", None) == "softmax":
            return (
                "Only the output layer can use softmax, which turns values into probabilities. "
                "Use ReLU here."
            )
        inner = (part.problem(first=False, last=False, classes=classes) for part in self.parts)
        return next((problem for problem in inner if problem), None)

    # What it is made of

    @property
    def parts(self) -> "Sequence[Layer]":
        """The layers that it is made of, if it is a block."""
        return ()

    def part_shapes(self, shape: Shape) -> Iterator[Shape]:
        """What comes into each of ``parts``; here each takes what the one before it gives."""
        for part in self.parts:
            yield shape
            shape = part.output_shape(shape)

    def all_layers(self) -> "Iterator[Layer]":
        """Itself, and after it all it is made of, however deep."""
        yield self
        for part in self.parts:
            yield from part.all_layers()

    def walk(self, shape: Shape) -> "Iterator[tuple[Layer, Shape]]":
        """As ``all_layers``, each with the shape that comes in; raises ``DoesNotFit``."""
        yield self, shape
        for part, incoming in zip(self.parts, self.part_shapes(shape), strict=True):
            yield from part.walk(incoming)

    def cost(self, shape: Shape) -> Cost:
        """What it costs, with all it is made of; raises ``DoesNotFit``."""
        walked = list(self.walk(shape))
        counted = [
            variable
            for layer, incoming in walked
            for variable in layer.variables(incoming)
            if variable.name != SEED
        ]
        return Cost(
            sum(math.prod(variable.shape) for variable in counted if variable.trainable),
            sum(math.prod(variable.shape) for variable in counted if not variable.trainable),
            sum(layer.operations(incoming) for layer, incoming in walked),
        )

    # The same in Keras

    def build(self, values: Any, builder: KerasBuilder) -> Any:
        """Put the layer behind the Keras tensor ``values``; returns the tensor it gives.

        A block takes its own place first, then builds its parts in their order.
        """
        return self.keras_layer(builder.place(self))(values)

    def keras_layer(self, place: KerasPlace) -> Any:
        """The Keras layer; Keras is imported here, not before."""
        raise NotImplementedError

    def code(self, writer: CodeWriter) -> LayerCode:
        """The layer in an exported script; a block takes its own place first, as in ``build``."""
        place = writer.place(self)
        function = f"keras.layers.{self.keras_class}"
        if place.in_halves:
            place.define(_IN_HALVES.format(title=self.title, name=self.keras_class))
            function = f"{self.keras_class}InHalves"
        return writer.call(LayerCode(function, tuple(self.code_arguments(place))))

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        """The arguments of ``keras_class`` in an exported script, but for name and precision."""
        return ()

    # What is worked out of its arrays, or into them

    def initial_kernel(
        self, images: NDArray[np.uint8], scale: Sequence[float], offset: Sequence[float]
    ) -> NDArray[np.float32] | None:
        """The kernel of a network's first layer, if the training images give it.

        ``images`` are uint8 (n, height, width, channels); what comes in is ``pixel * scale +
        offset``, one of each a channel.
        """
        return None

    def channel_kernels(self, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        """The kernels of the channels it gives, float32 (height, width, inputs, channels).

        ``kernel`` is the variable of that name, of a layer that ``has_filters``.
        """
        return kernel

    # Its words for people

    @classmethod
    def short_label(cls, fields: Fields) -> str:
        """The layer in a word or two, for a drawing: ``Conv 32``, ``Max pool``, ``ReLU``."""
        if cls.label_field is None:
            return cls.label_name
        return f"{cls.label_name} {value_words(fields[cls.label_field])}"

    @classmethod
    def summary(cls, fields: Fields) -> str:
        """Its settings in a line: ``32 filters 3×3, same padding, ReLU``; ``""`` without any."""
        return ", ".join(part for part in cls.summary_parts(fields) if part)

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        """The parts of ``summary``; empty ones are left out."""
        return ()


def in_words(shape: Sequence[int]) -> str:
    """``(4, 4, 64)`` as ``"4×4×64"``."""
    return "×".join(str(side) for side in shape)


def map_shape(shape: Shape) -> tuple[int, int, int]:
    """``shape`` as height, width and channels; raises ``DoesNotFit`` for a flat vector."""
    if len(shape) != 3:
        raise DoesNotFit(
            f"Convolution and pooling need maps, and the input is a flat vector of {shape[0]:,} "
            "values. Move this layer before Flatten or global pooling."
        )
    return shape[0], shape[1], shape[2]


def slide_window(shape: Shape, window: Window, smaller: str) -> tuple[int, int]:
    """Height and width of what ``window`` leaves of a map; raises ``DoesNotFit``.

    ``smaller`` is what people call the field that makes the window smaller.
    """
    height, width, _ = map_shape(shape)
    if window.padding == "valid" and window.size > min(height, width):
        raise DoesNotFit(
            f"A {window.size}×{window.size} window without padding does not fit on a "
            f"{height}×{width} map. Use same padding, a smaller {smaller}, or less pooling before "
            "it."
        )
    return window.places(height), window.places(width)


def non_default(usual: bool, argument: str) -> tuple[str, ...]:
    """The argument of an exported call, but for Keras' own default."""
    return () if usual else (argument,)


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
