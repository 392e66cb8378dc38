"""Residual blocks, after He et al., arXiv 1512.03385."""

from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.activation import Activation
from cifarviz.layers.base import (
    DoesNotFit,
    Fields,
    KerasPlace,
    Layer,
    LayerCode,
    Shape,
    format_shape,
    non_default,
)
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.block import Block
from cifarviz.layers.calculation import Calculation, WeightedSum, as_maps, each_value
from cifarviz.layers.choices import ActivationChoice, format_activation
from cifarviz.layers.conv2d import Conv2D

if TYPE_CHECKING:
    # At run time, the union of all layer types (``registry.layer_union``).
    LayerSpec = Layer

_CODE = dedent(
    '''\
    class ResidualBlock(keras.layers.Layer):
        """Adds the output of a branch of layers to that of a shortcut."""

        def __init__(self, branch, shortcut=(), activation=None, **options):
            super().__init__(**options)
            self.branch, self.shortcut = list(branch), list(shortcut)
            self.activation = keras.activations.get(activation)

        def build(self, shape):
            for layers in (self.branch, self.shortcut):
                inner = shape
                for layer in layers:
                    layer.build(inner)
                    inner = layer.compute_output_shape(inner)

        def compute_output_shape(self, shape):
            for layer in self.branch:
                shape = layer.compute_output_shape(shape)
            return shape

        def call(self, values, training=False):
            result, shortcut = values, values
            for layer in self.branch:
                result = layer(result, training=training)
            for layer in self.shortcut:
                shortcut = layer(shortcut, training=training)
            return self.activation(result + shortcut)
    '''
)


class Residual(Block):
    """A branch of layers whose output is added to a shortcut, and then an activation."""

    title: ClassVar[str] = "Residual block"
    explanation: ClassVar[str] = (
        "Adds what its layers make of the input to the input itself, carried past them by a "
        "shortcut. The layers need to learn only a change, and the gradient takes the shortcut "
        "too, so that deep networks can be trained."
    )
    keras_name: ClassVar[str] = "residual"
    keras_class: ClassVar[str] = "ResidualBlock"
    color: ClassVar[str] = "#B7793A"
    label_name: ClassVar[str] = "Residual"
    code_class: ClassVar[str] = _CODE
    branch_titles: ClassVar[tuple[str, ...]] = ("Branch", "Shortcut")

    type: Literal["residual"] = "residual"
    branch: tuple["LayerSpec", ...] = Field(
        default=(),
        title="branch",
        description="The layers whose output is added to the shortcut.",
    )
    shortcut: tuple["LayerSpec", ...] = Field(
        default=(),
        title="shortcut",
        description="The layers of the shortcut, such as a 1×1 convolution where the branch "
        "changes the shape; without layers it carries the input as it is.",
    )
    activation: ActivationChoice = "relu"

    @property
    def branches(self) -> Sequence[Sequence[Layer]]:
        return self.branch, self.shortcut

    @classmethod
    def split_fields(cls, fields: Fields) -> tuple[Fields, tuple[tuple[Fields, ...], ...]]:
        own = {name: value for name, value in fields.items() if name not in ("branch", "shortcut")}
        return own, (tuple(fields.get("branch", ())), tuple(fields.get("shortcut", ())))

    @classmethod
    def join_fields(cls, own: Fields, branches: Sequence[Sequence[Fields]]) -> Fields:
        branch, shortcut = branches
        return {**own, "branch": list(branch), "shortcut": list(shortcut)}

    @classmethod
    def fields_for(cls, shape: Shape) -> Fields:
        return residual(shape[-1]).model_dump(mode="json")

    def problem(self, *, first: bool, last: bool, classes: int) -> str | None:
        if not self.branch:
            return "The branch of a residual block has no layers. Add one, or remove the block."
        return super().problem(first=first, last=last, classes=classes)

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        branch, shortcut = shapes
        if branch != shortcut:
            raise DoesNotFit(
                f"The branch gives {format_shape(branch)} and the shortcut "
                f"{format_shape(shortcut)}, and only equal shapes can be added. Use a 1×1 "
                "convolution as the shortcut, or change the layers of the branch."
            )
        return branch

    def fitting_branch(self, shape: Shape) -> tuple[int, Layer] | None:
        # A 1×1 convolution as the shortcut; none helps a branch that makes a map larger.
        target = shape
        try:
            for layer in self.branch:
                target = layer.output_shape(target)
        except DoesNotFit:
            return None
        if len(target) != 3 or len(shape) != 3 or target == shape:
            return None
        strides = -(-shape[0] // target[0])
        fitting = Conv2D(
            filters=target[2],
            kernel_size=1,
            strides=min(strides, 32),
            activation="linear",
            initializer="he_normal",
            use_bias=False,
        )
        return (1, fitting) if fitting.output_shape(shape) == target else None

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        maps = np.stack([as_maps(values)[channel] for values in inputs])
        return WeightedSum(
            maps,
            each_value(inputs[0].shape),
            activation=self.activation,
            channels=(channel,) * len(maps),
            names=self.branch_titles,
        )

    def keras_names(self, name: str) -> tuple[str, ...]:
        return (name,) if self.activation == "linear" else (f"{name}_sum", name)

    def keras_layers(self, place: KerasPlace) -> Sequence[Any]:
        import keras

        name, *others = self.keras_names(place.name)
        return [
            keras.layers.Add(name=name, dtype=place.dtype),
            *(
                keras.layers.Activation(self.activation, name=other, dtype=place.dtype)
                for other in others
            ),
        ]

    def block_arguments(
        self, branches: Sequence[tuple[LayerCode, ...]]
    ) -> Sequence[str | tuple[LayerCode, ...]]:
        branch, shortcut = branches
        activation = f'activation="{self.activation}"'
        return [branch, shortcut, *non_default(self.activation == "linear", activation)]

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        _, (branch, shortcut) = cls.split_fields(fields)
        past = f"shortcut of {_count(shortcut)}" if shortcut else "identity as shortcut"
        return [f"branch of {_count(branch)}", past, format_activation(fields)]


def residual(
    filters: int, *, strides: int = 1, shortcut: Sequence[Layer] = (), momentum: float = 0.99
) -> Residual:
    """Return He's block: two 3×3 convolutions, each with batch normalization."""

    def convolution(strides: int) -> Conv2D:
        return Conv2D(
            filters=filters,
            strides=strides,
            activation="linear",
            initializer="he_normal",
            use_bias=False,
        )

    return Residual(
        branch=(
            convolution(strides),
            BatchNorm(momentum=momentum),
            Activation(activation="relu"),
            convolution(1),
            BatchNorm(momentum=momentum),
        ),
        shortcut=tuple(shortcut),
    )


def _count(layers: Sequence[Fields]) -> str:
    return "1 layer" if len(layers) == 1 else f"{len(layers)} layers"
