"""Flattening a map to a vector."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.layers.base import KerasPlace, Layer, Shape
from cifarviz.layers.calculation import Calculation, Placement, WeightedSum, as_maps, passed_on


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

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        if inputs[0].ndim == 1:
            return passed_on(inputs[0], channel)
        row, column, seen = map(int, np.unravel_index(channel, inputs[0].shape))
        maps = as_maps(inputs[0])[seen : seen + 1]
        return WeightedSum(maps, Placement(origin=(row, column)), channels=(seen,))
