"""Concatenation of branches, as in Inception (Szegedy et al., arXiv 1409.4842)."""

from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import (
    DoesNotFit,
    Fields,
    KerasPlace,
    Layer,
    Shape,
    format_shape,
)
from cifarviz.layers.block import Block
from cifarviz.layers.calculation import Calculation, WeightedSum, as_maps, each_value
from cifarviz.layers.conv2d import Conv2D

if TYPE_CHECKING:
    # At run time, the union of all layer types (``registry.layer_union``).
    LayerSpec = Layer

MAX_BRANCHES = 6

_CODE = dedent(
    '''\
    class Branches(keras.layers.Layer):
        """Puts the outputs of branches of layers side by side, as channels of one map."""

        def __init__(self, *branches, **options):
            super().__init__(**options)
            self.branches = [list(branch) for branch in branches]

        def build(self, shape):
            for branch in self.branches:
                inner = shape
                for layer in branch:
                    layer.build(inner)
                    inner = layer.compute_output_shape(inner)

        def compute_output_shape(self, shape):
            shapes = []
            for branch in self.branches:
                inner = shape
                for layer in branch:
                    inner = layer.compute_output_shape(inner)
                shapes.append(inner)
            return (*shapes[0][:-1], sum(each[-1] for each in shapes))

        def call(self, values, training=False):
            outputs = []
            for branch in self.branches:
                inner = values
                for layer in branch:
                    inner = layer(inner, training=training)
                outputs.append(inner)
            return keras.ops.concatenate(outputs, axis=-1)
    '''
)


class Concatenation(Block):
    """Branches of layers whose outputs become the channels of one map."""

    title: ClassVar[str] = "Branches side by side"
    explanation: ClassVar[str] = (
        "Gives the same input to several branches of layers, such as convolutions of different "
        "sizes, and puts their channels side by side."
    )
    keras_name: ClassVar[str] = "concatenate"
    keras_class: ClassVar[str] = "Branches"
    color: ClassVar[str] = "#A08A2E"
    label_name: ClassVar[str] = "Branches"
    code_class: ClassVar[str] = _CODE
    most_branches: ClassVar[int] = MAX_BRANCHES

    type: Literal["concatenation"] = "concatenation"
    # Any ``branches`` would hide the property of all layers.
    inputs: tuple[tuple["LayerSpec", ...], ...] = Field(
        default=(
            (Conv2D(filters=16, kernel_size=1),),
            (Conv2D(filters=16),),
        ),
        min_length=2,
        max_length=MAX_BRANCHES,
        title="branches",
        description="The layers of each branch; a branch without layers passes its input on.",
    )

    @property
    def branches(self) -> Sequence[Sequence[Layer]]:
        return self.inputs

    @classmethod
    def split_fields(cls, fields: Fields) -> tuple[Fields, tuple[tuple[Fields, ...], ...]]:
        return {"type": fields["type"]}, tuple(tuple(branch) for branch in fields["inputs"])

    @classmethod
    def join_fields(cls, own: Fields, branches: Sequence[Sequence[Fields]]) -> Fields:
        return {**own, "inputs": [list(branch) for branch in branches]}

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        if len({shape[:-1] for shape in shapes}) > 1:
            listed = ", ".join(map(format_shape, shapes))
            raise DoesNotFit(
                f"The branches give {listed}, and only maps of the same height and width can be "
                "put side by side. Use the same strides and padding in each branch."
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def keras_layers(self, place: KerasPlace) -> Sequence[Any]:
        import keras

        return [keras.layers.Concatenate(axis=-1, name=place.name, dtype=place.dtype)]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        branch, inner = 0, channel
        while inner >= inputs[branch].shape[-1]:
            inner -= inputs[branch].shape[-1]
            branch += 1
        return WeightedSum(
            as_maps(inputs[branch])[inner : inner + 1],
            each_value(inputs[branch].shape),
            channels=(inner,),
            names=(f"{self.branch_title(branch)}, channel {inner}",),
        )

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        _, branches = cls.split_fields(fields)
        counts = [str(len(branch)) for branch in branches]
        return [f"{len(branches)} branches of {', '.join(counts[:-1])} and {counts[-1]} layers"]
