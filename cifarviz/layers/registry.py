"""Every layer type there is: the only list of them."""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Fields, Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.depthwise_conv2d import DepthwiseConv2D
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import (
    AveragePool2D,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    MaxPool2D,
)
from cifarviz.layers.whitening import Whitening

LAYER_TYPES: Mapping[str, type[Layer]] = MappingProxyType(
    {
        made.model_fields["type"].default: made
        for made in (
            Conv2D,
            DepthwiseConv2D,
            Whitening,
            MaxPool2D,
            AveragePool2D,
            BatchNorm,
            Activation,
            Dropout,
            Flatten,
            GlobalAveragePool2D,
            GlobalMaxPool2D,
            Dense,
        )
    }
)
"""Every layer class by its ``type``, in the order a menu shows them."""


def any_of(types: Iterable[type[Layer]]) -> Any:
    """The annotation of a field that holds a layer of one of these types, told by its ``type``.

    A type that holds layers itself calls what it may hold ``LayerSpec``.
    """
    made = tuple(types)
    union: Any = reduce(or_, made)
    spec = Annotated[union, Field(discriminator="type")]
    for one in made:
        one.model_rebuild(_types_namespace={"LayerSpec": spec})
    return spec


if TYPE_CHECKING:
    LayerSpec = Layer
else:
    LayerSpec = any_of(LAYER_TYPES.values())


def layer_label(fields: Fields) -> str:
    """A layer in a word or two, for a drawing: ``Conv 32``, ``Max pool``, ``ReLU``."""
    return LAYER_TYPES[fields["type"]].short_label(fields)


def layer_summary(fields: Fields) -> str:
    """Such as ``32 filters 3×3, same padding, ReLU``; nothing for a layer without settings."""
    return LAYER_TYPES[fields["type"]].summary(fields)


def smaller_fields(fields: Fields, channels: int) -> Fields:
    """Changes of a layer's fields for smaller maps; empty where none help."""
    return LAYER_TYPES[fields["type"]].smaller_fields(fields, channels)


def output_fields(fields: Fields, classes: int) -> Fields:
    """Changes of an output layer's fields for so many classes; empty for another layer."""
    made = LAYER_TYPES[fields["type"]]
    return made.output_fields(classes) if made.can_be_output else {}


def smallest_layers(classes: int) -> tuple[Layer, ...]:
    """The layers of the smallest network that tells so many classes apart."""
    return Flatten(), Dense.make(**Dense.output_fields(classes))
