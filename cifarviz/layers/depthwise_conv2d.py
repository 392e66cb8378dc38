"""Depthwise convolution."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import (
    CodePlace,
    Fields,
    KerasPlace,
    Shape,
    Variable,
    kernel_arguments,
    non_default,
    slide_window,
)
from cifarviz.layers.calculation import Calculation
from cifarviz.layers.choices import (
    ActivationChoice,
    BiasChoice,
    ChannelInitializerChoice,
    DilationChoice,
    FrozenChoice,
    KernelSizeChoice,
    PaddingChoice,
    StridesChoice,
    format_activation,
    format_bias,
    format_dilation,
    format_initializer,
    format_padding,
    format_stride,
)
from cifarviz.layers.convolution import Convolution, weighted_window
from cifarviz.value_text import format_value


class DepthwiseConv2D(Convolution):
    """A 2-D convolution whose filters each take a single channel, with square kernels."""

    title: ClassVar[str] = "Depthwise convolution"
    explanation: ClassVar[str] = (
        "A convolution with separate filters for each channel of the map: it finds patterns in "
        "each channel separately, with far fewer weights, and does not mix channels."
    )
    keras_name: ClassVar[str] = "depthwise_conv2d"
    keras_class: ClassVar[str] = "DepthwiseConv2D"
    color: ClassVar[str] = "#6B8FD6"
    label_name: ClassVar[str] = "Depthwise"
    has_filters: ClassVar[bool] = True

    type: Literal["depthwise_conv2d"] = "depthwise_conv2d"
    kernel_size: KernelSizeChoice = 3
    depth_multiplier: int = Field(
        default=1,
        ge=1,
        le=64,
        title="depth multiplier",
        description="How many filters each channel gets; the number of channels is multiplied by "
        "it.",
    )
    strides: StridesChoice = 1
    padding: PaddingChoice = "same"
    activation: ActivationChoice = "relu"
    initializer: ChannelInitializerChoice = "glorot_uniform"
    use_bias: BiasChoice = True
    dilation: DilationChoice = 1
    frozen: FrozenChoice = False

    def output_shape(self, shape: Shape) -> Shape:
        return (*slide_window(shape, self.window, "kernel"), shape[2] * self.depth_multiplier)

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        size, channels = self.kernel_size, shape[2]
        kernel = Variable("kernel", (size, size, channels, self.depth_multiplier))
        bias = Variable("bias", (channels * self.depth_multiplier,))
        return (kernel, bias) if self.use_bias else (kernel,)

    def operations(self, shape: Shape) -> int:
        height, width, channels = self.output_shape(shape)
        return height * width * channels * self.kernel_size**2

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.DepthwiseConv2D(
            self.kernel_size,
            **self.window_options(),
            depth_multiplier=self.depth_multiplier,
            activation=self.activation,
            depthwise_initializer=place.initializer(self.initializer),
            depthwise_regularizer=place.penalty(),
            use_bias=self.use_bias,
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        multiplier = self.depth_multiplier
        return [
            str(self.kernel_size),
            *self.window_arguments(),
            *non_default(multiplier == 1, f"depth_multiplier={multiplier}"),
            *kernel_arguments(place, self.activation, self.initializer, self.use_bias, "depthwise"),
        ]

    def channel_kernels(self, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        # The output channels of an input channel are adjacent.
        return kernel.reshape(*kernel.shape[:2], 1, -1)

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        seen, number = divmod(channel, self.depth_multiplier)
        kernel = variables["kernel"][:, :, seen : seen + 1, number]
        bias = float(variables["bias"][channel]) if self.use_bias else None
        return weighted_window(
            inputs[0], (seen,), kernel, self.window, bias=bias, activation=self.activation
        )

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        size, multiplier = format_value(fields["kernel_size"]), fields["depth_multiplier"]
        return [
            f"1 filter {size}×{size} per channel"
            if multiplier == 1
            else f"{format_value(multiplier)} filters {size}×{size} per channel",
            format_stride(fields),
            format_dilation(fields),
            format_padding(fields),
            format_activation(fields),
            format_initializer(fields),
            format_bias(fields),
        ]
