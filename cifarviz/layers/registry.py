"""Every layer type there is.

A new layer type is a file of its own and one import line here.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from cifarviz.layers.base import Fields, Layer

# isort: off
# The layer types, in the order a menu shows them.
from cifarviz.layers.conv2d import Conv2D as Conv2D
from cifarviz.layers.depthwise_conv2d import DepthwiseConv2D as DepthwiseConv2D
from cifarviz.layers.separable_conv2d import SeparableConv2D as SeparableConv2D
from cifarviz.layers.whitening import Whitening as Whitening
from cifarviz.layers.pooling import MaxPool2D as MaxPool2D
from cifarviz.layers.pooling import AveragePool2D as AveragePool2D
from cifarviz.layers.batch_norm import BatchNorm as BatchNorm
from cifarviz.layers.group_norm import GroupNorm as GroupNorm
from cifarviz.layers.group_norm import LayerNorm as LayerNorm
from cifarviz.layers.activation import Activation as Activation
from cifarviz.layers.dropout import Dropout as Dropout
from cifarviz.layers.dropout import SpatialDropout2D as SpatialDropout2D
from cifarviz.layers.residual import Residual as Residual
from cifarviz.layers.concatenation import Concatenation as Concatenation
from cifarviz.layers.pad_channels import PadChannels as PadChannels
from cifarviz.layers.flatten import Flatten as Flatten
from cifarviz.layers.pooling import GlobalAveragePool2D as GlobalAveragePool2D
from cifarviz.layers.pooling import GlobalMaxPool2D as GlobalMaxPool2D
from cifarviz.layers.dense import Dense as Dense
# isort: on

LAYER_TYPES: Mapping[str, type[Layer]] = MappingProxyType(
    {
        value.model_fields["type"].default: value
        for value in list(globals().values())
        if isinstance(value, type) and issubclass(value, Layer) and value is not Layer
    }
)
"""Every layer class imported above by its ``type``, in the same order."""


def layer_union(types: Iterable[type[Layer]]) -> Any:
    """Return the annotation of a field that holds a layer of any of these types.

    Its ``type`` decides which. A type that holds layers itself annotates them as ``LayerSpec``.
    """
    layer_types = tuple(types)
    union: Any = reduce(or_, layer_types)
    spec = Annotated[union, Field(discriminator="type")]
    for layer_type in layer_types:
        layer_type.model_rebuild(_types_namespace={"LayerSpec": spec})
    return spec


if TYPE_CHECKING:
    LayerSpec = Layer
else:
    LayerSpec = layer_union(LAYER_TYPES.values())


def layer_label(fields: Fields) -> str:
    """Return a layer's short label for a drawing: ``Conv 32``, ``Max pool``, ``ReLU``."""
    return LAYER_TYPES[fields["type"]].short_label(fields)


def layer_summary(fields: Fields) -> str:
    """Return such as ``32 filters 3×3, same padding, ReLU``; empty without settings."""
    return LAYER_TYPES[fields["type"]].summary(fields)


def split_fields(fields: Fields) -> tuple[Fields, tuple[tuple[Fields, ...], ...]]:
    """Return a layer's own fields, and those of the layers in each branch of a block."""
    return LAYER_TYPES[fields["type"]].split_fields(fields)


def branch_title(fields: Fields, number: int) -> str:
    """Return the title of a block's branch, counted from 0: ``Shortcut``, ``Branch 2``."""
    return LAYER_TYPES[fields["type"]].branch_title(number)


def smaller_fields(fields: Fields, channels: int) -> Fields:
    """Return changes of a layer's fields for smaller maps; empty if none help."""
    return LAYER_TYPES[fields["type"]].smaller_fields(fields, channels)


def output_fields(fields: Fields, classes: int) -> Fields:
    """Return an output layer's fields for ``classes`` classes; empty for other layers."""
    layer_type = LAYER_TYPES[fields["type"]]
    return layer_type.output_fields(classes) if layer_type.can_be_output else {}


def smallest_layers(classes: int) -> tuple[Layer, ...]:
    """Return the layers of the smallest network for ``classes`` classes."""
    return Flatten(), Dense.make(**Dense.output_fields(classes))
