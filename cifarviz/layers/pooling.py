"""Max and average pooling of windows, and global pooling."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import (
    CodePlace,
    Fields,
    KerasPlace,
    Layer,
    Shape,
    map_shape,
    non_default,
    slide_window,
)
from cifarviz.layers.calculation import Calculation, Placement, Pooling, as_maps, placed
from cifarviz.layers.choices import PaddingChoice, StridesChoice, format_padding, format_stride
from cifarviz.layers.window import Window
from cifarviz.value_text import format_value

_COLOR = "#C9709F"


class Pool2D(Layer):
    """Base of max and average pooling."""

    color: ClassVar[str] = _COLOR
    takes_mean: ClassVar[bool] = False

    pool_size: int = Field(
        default=2,
        ge=1,
        le=32,
        title="pool size",
        description="Height and width of the window, in pixels, that becomes one value.",
    )
    strides: StridesChoice = 2
    padding: PaddingChoice = "valid"

    @property
    def window(self) -> Window:
        return Window(self.pool_size, self.strides, self.padding)

    def output_shape(self, shape: Shape) -> Shape:
        return (*slide_window(shape, self.window, "window"), shape[2])

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return getattr(keras.layers, self.keras_class)(
            self.pool_size,
            self.strides,
            self.padding,
            data_format="channels_last",
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [
            str(self.pool_size),
            f"strides={self.strides}",
            *non_default(self.padding == "valid", f'padding="{self.padding}"'),
        ]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        maps = as_maps(inputs[0])[channel : channel + 1]
        where = placed(self.window, inputs[0].shape)
        return Pooling(maps, where, channel, self.takes_mean)

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        size = format_value(fields["pool_size"])
        return [
            f"{size}×{size} window",
            format_stride(fields, default=None),
            format_padding(fields),
        ]


class MaxPool2D(Pool2D):
    """Max pooling with a square window."""

    title: ClassVar[str] = "Max pooling"
    explanation: ClassVar[str] = (
        "Makes the map smaller by keeping only the largest value of each small window."
    )
    keras_name: ClassVar[str] = "max_pooling2d"
    keras_class: ClassVar[str] = "MaxPooling2D"
    label_name: ClassVar[str] = "Max pool"

    type: Literal["max_pool2d"] = "max_pool2d"


class AveragePool2D(Pool2D):
    """Average pooling with a square window."""

    title: ClassVar[str] = "Average pooling"
    explanation: ClassVar[str] = (
        "Makes the map smaller by replacing each small window with the mean of its values."
    )
    keras_name: ClassVar[str] = "average_pooling2d"
    keras_class: ClassVar[str] = "AveragePooling2D"
    label_name: ClassVar[str] = "Avg pool"
    takes_mean: ClassVar[bool] = True

    type: Literal["average_pool2d"] = "average_pool2d"


class GlobalPool2D(Layer):
    """Base of global max and average pooling."""

    color: ClassVar[str] = _COLOR
    takes_mean: ClassVar[bool] = False

    def output_shape(self, shape: Shape) -> Shape:
        return (map_shape(shape)[2],)

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return getattr(keras.layers, self.keras_class)(
            data_format="channels_last", name=place.name, dtype=place.dtype
        )

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        maps = as_maps(inputs[0])[channel : channel + 1]
        where = Placement(size=(maps.shape[1], maps.shape[2]))
        return Pooling(maps, where, channel, self.takes_mean)


class GlobalAveragePool2D(GlobalPool2D):
    """The mean of each channel."""

    title: ClassVar[str] = "Global average pooling"
    explanation: ClassVar[str] = "Reduces the whole map to the mean of each channel."
    keras_name: ClassVar[str] = "global_average_pooling2d"
    keras_class: ClassVar[str] = "GlobalAveragePooling2D"
    label_name: ClassVar[str] = "Global avg"
    takes_mean: ClassVar[bool] = True

    type: Literal["global_average_pool2d"] = "global_average_pool2d"


class GlobalMaxPool2D(GlobalPool2D):
    """The largest value of each channel."""

    title: ClassVar[str] = "Global max pooling"
    explanation: ClassVar[str] = "Reduces the whole map to the largest value of each channel."
    keras_name: ClassVar[str] = "global_max_pooling2d"
    keras_class: ClassVar[str] = "GlobalMaxPooling2D"
    label_name: ClassVar[str] = "Global max"

    type: Literal["global_max_pool2d"] = "global_max_pool2d"
