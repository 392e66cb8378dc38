"""Flattening a map to a vector."""

import math
from typing import Any, ClassVar, Literal

from cifarviz.layers.base import KerasPlace, Layer, Shape


class Flatten(Layer):
    """A map as a vector."""

    title: ClassVar[str] = "Flatten"
    explanation: ClassVar[str] = (
        "Arranges the values of all channels in one long vector, which dense layers need."
    )
    keras_name: ClassVar[str] = "flatten"
    keras_class: ClassVar[str] = "Flatten"
    color: ClassVar[str] = "#B7BEC5"
    label_name: ClassVar[str] = "Flatten"

    type: Literal["flatten"] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.Flatten(data_format="channels_last", name=place.name, dtype=place.dtype)
