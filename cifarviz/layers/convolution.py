"""What all convolutions share: a window with stride, padding and dilation."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cifarviz.layers.base import Layer, non_default
from cifarviz.layers.calculation import WeightedSum, as_maps, placed
from cifarviz.layers.choices import Padding, dilation_problem
from cifarviz.layers.window import Window


class Convolution(Layer):
    """Base of the convolutions; each type declares these fields where its form shows them."""

    if TYPE_CHECKING:
        kernel_size: int
        strides: int
        padding: Padding
        dilation: int

    @property
    def window(self) -> Window:
        return Window(self.kernel_size, self.strides, self.padding, self.dilation)

    def problem(self, *, first: bool, last: bool, classes: int) -> str | None:
        return dilation_problem(self.strides, self.dilation) or super().problem(
            first=first, last=last, classes=classes
        )

    def window_options(self) -> dict[str, Any]:
        """Return the options of the Keras layer that place its window."""
        return {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": "channels_last",
            "dilation_rate": self.dilation,
        }

    def window_arguments(self) -> list[str]:
        """Return the same in exported code, without Keras' defaults."""
        return [
            *non_default(self.strides == 1, f"strides={self.strides}"),
            *non_default(self.padding == "valid", f'padding="{self.padding}"'),
            *non_default(self.dilation == 1, f"dilation_rate={self.dilation}"),
        ]


def weighted_window(
    values: NDArray[np.float32],
    channels: tuple[int, ...],
    kernel: NDArray[np.float32],
    window: Window,
    *,
    mixture: NDArray[np.float32] | None = None,
    bias: float | None = None,
    activation: str = "linear",
) -> WeightedSum:
    """Return the calculation of an output channel that sees these ``channels`` of ``values``.

    ``kernel`` is float32 (height, width, channels seen); the rest as in ``WeightedSum``.
    """
    return WeightedSum(
        as_maps(values)[list(channels)],
        placed(window, values.shape),
        np.moveaxis(kernel, -1, 0),
        mixture,
        bias,
        activation,
        channels,
    )
