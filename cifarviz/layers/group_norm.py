"""Group normalisation and layer normalisation: of each image on its own."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import (
    CodePlace,
    DoesNotFit,
    Fields,
    KerasPlace,
    Layer,
    Shape,
    Variable,
    map_shape,
)
from cifarviz.layers.calculation import Calculation, normalized
from cifarviz.layers.choices import FrozenChoice
from cifarviz.layers.window import Span
from cifarviz.value_text import format_value

Epsilon = Annotated[
    float,
    Field(
        gt=0,
        le=1,
        title="epsilon",
        description="A small number added to the variance to avoid division by zero.",
    ),
]


class GroupNorm(Layer):
    """Normalization over the maps of a group of channels (Wu and He, arXiv 1803.08494)."""

    title: ClassVar[str] = "Group normalisation"
    explanation: ClassVar[str] = (
        "Centres and scales groups of channels of each image on its own. Unlike batch "
        "normalisation it does not depend on the other images of the batch, so it also works with "
        "small batches."
    )
    keras_name: ClassVar[str] = "group_normalization"
    keras_class: ClassVar[str] = "GroupNormalization"
    color: ClassVar[str] = "#4E8795"
    label_name: ClassVar[str] = "Group norm"
    is_normalization: ClassVar[bool] = True

    type: Literal["group_norm"] = "group_norm"
    groups: int = Field(
        default=8,
        ge=1,
        le=4096,
        title="number of groups",
        description="How many groups the channels are divided into; 1 normalises all channels "
        "together.",
    )
    epsilon: Epsilon = 1e-3
    frozen: FrozenChoice = False

    @classmethod
    def fields_for(cls, shape: Shape) -> Fields:
        most = max(groups for groups in range(1, 9) if shape[-1] % groups == 0)
        return cls(groups=most).model_dump(mode="json")

    @classmethod
    def smaller_fields(cls, fields: Fields, channels: int) -> Fields:
        return {"groups": 1}

    def output_shape(self, shape: Shape) -> Shape:
        channels = map_shape(shape)[2]
        if channels % self.groups:
            raise DoesNotFit(
                f"{channels} channels cannot be divided into {self.groups} groups of the same "
                "size. Choose another number of groups."
            )
        return shape

    def span_before(self, span: Span, shape: Shape, axis: int) -> Span:
        # Mean and variance are of the whole map.
        return 0, shape[axis] - 1

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        return Variable("gamma", (shape[-1],)), Variable("beta", (shape[-1],))

    def operations(self, shape: Shape) -> int:
        return math.prod(shape)

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.GroupNormalization(
            self.groups, axis=-1, epsilon=self.epsilon, name=place.name, dtype=place.dtype
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [str(self.groups), f"epsilon={self.epsilon!r}"]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        values = inputs[0].astype(np.float64)
        size = values.shape[2] // self.groups
        first = channel // size * size
        group = values[..., first : first + size]
        channels = f"channels {first} to {first + size - 1}" if size > 1 else f"channel {first}"
        return normalized(
            inputs[0],
            channel,
            variables["gamma"],
            variables["beta"],
            self.epsilon,
            (group.mean(), group.var()),
            f"of all values of {channels} in this image",
        )

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        groups = fields["groups"]
        return [
            f"{format_value(groups)} group{'' if groups == 1 else 's'}",
            f"epsilon {format_value(fields['epsilon'])}",
        ]


class LayerNorm(Layer):
    """Normalization over the channels of each pixel, or over a flat vector."""

    title: ClassVar[str] = "Layer normalisation"
    explanation: ClassVar[str] = (
        "Centres and scales the channels of each pixel, or the values of a flat vector, of each "
        "image on its own. It does not depend on the other images of the batch."
    )
    keras_name: ClassVar[str] = "layer_normalization"
    keras_class: ClassVar[str] = "LayerNormalization"
    color: ClassVar[str] = "#6FA9B8"
    label_name: ClassVar[str] = "Layer norm"
    is_normalization: ClassVar[bool] = True

    type: Literal["layer_norm"] = "layer_norm"
    epsilon: Epsilon = 1e-3
    frozen: FrozenChoice = False

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        return Variable("gamma", (shape[-1],)), Variable("beta", (shape[-1],))

    def operations(self, shape: Shape) -> int:
        return math.prod(shape)

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.LayerNormalization(
            axis=-1, epsilon=self.epsilon, name=place.name, dtype=place.dtype
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [f"epsilon={self.epsilon!r}"]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        values = inputs[0].astype(np.float64)
        return normalized(
            inputs[0],
            channel,
            variables["gamma"],
            variables["beta"],
            self.epsilon,
            (values.mean(axis=-1), values.var(axis=-1)),
            "of all channels at this position"
            if values.ndim == 3
            else "of all values of the vector",
        )

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [f"epsilon {format_value(fields['epsilon'])}"]
