"""More channels without weights."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import CodePlace, DoesNotFit, Fields, KerasPlace, Layer, Shape, map_shape
from cifarviz.layers.calculation import Calculation, WeightedSum, each_value, passed_on
from cifarviz.value_text import format_value


class PadChannels(Layer):
    """Adds channels of zeros, as the shortcuts of He et al. do (arXiv 1512.03385, option A)."""

    title: ClassVar[str] = "More channels"
    explanation: ClassVar[str] = (
        "Adds channels of zeros after those of the map, without any weights: for the shortcut of "
        "a residual block whose branch has more channels than its input."
    )
    keras_name: ClassVar[str] = "pad_channels"
    keras_class: ClassVar[str] = "ZeroPadding2D"
    color: ClassVar[str] = "#9AA3AB"
    label_name: ClassVar[str] = "Pad"
    label_field: ClassVar[str | None] = "added"
    width_field: ClassVar[str | None] = "added"

    type: Literal["pad_channels"] = "pad_channels"
    added: int = Field(
        default=16,
        ge=1,
        le=4096,
        title="number of added channels",
        description="How many channels of zeros are added.",
    )

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = map_shape(shape)
        if channels + self.added > 4096:
            raise DoesNotFit(
                f"The map would have {channels + self.added:,} channels and may have at most "
                "4,096. Add fewer."
            )
        return height, width, channels + self.added

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        # It pads the last two axes of "channels_first": width and channels of our maps.
        return keras.layers.ZeroPadding2D(
            ((0, 0), (0, self.added)),
            data_format="channels_first",
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [f"((0, 0), (0, {self.added}))", 'data_format="channels_first"']

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        values = inputs[0]
        if channel < values.shape[2]:
            return passed_on(values, channel)
        nothing = np.empty((0, *values.shape[:2]), np.float32)
        return WeightedSum(nothing, each_value(values.shape))

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [f"{format_value(fields['added'])} channels of zeros"]
