"""Separable convolution, after Chollet, arXiv 1610.02357."""

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


class SeparableConv2D(Convolution):
    """A filter for each channel, followed by a 1×1 convolution that mixes the channels."""

    title: ClassVar[str] = "Separable convolution"
    explanation: ClassVar[str] = (
        "A convolution in two steps: one small filter for each channel, then a mixture of the "
        "channels at each pixel. It has several times fewer weights than a convolution."
    )
    keras_name: ClassVar[str] = "separable_conv2d"
    keras_class: ClassVar[str] = "SeparableConv2D"
    color: ClassVar[str] = "#4F7FC0"
    label_name: ClassVar[str] = "Separable"
    label_field: ClassVar[str | None] = "filters"
    width_field: ClassVar[str | None] = "filters"

    type: Literal["separable_conv2d"] = "separable_conv2d"
    filters: int = Field(
        default=32,
        ge=1,
        le=4096,
        title="number of filters",
        description="How many mixtures of the channels this layer learns; each produces one "
        "output channel.",
    )
    kernel_size: KernelSizeChoice = 3
    strides: StridesChoice = 1
    padding: PaddingChoice = "same"
    activation: ActivationChoice = "relu"
    initializer: ChannelInitializerChoice = "glorot_uniform"
    use_bias: BiasChoice = True
    dilation: DilationChoice = 1
    frozen: FrozenChoice = False

    def output_shape(self, shape: Shape) -> Shape:
        return (*slide_window(shape, self.window, "kernel"), self.filters)

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        size, channels = self.kernel_size, shape[2]
        kernels = (
            Variable("depthwise_kernel", (size, size, channels, 1)),
            Variable("pointwise_kernel", (1, 1, channels, self.filters)),
        )
        return (*kernels, Variable("bias", (self.filters,))) if self.use_bias else kernels

    def operations(self, shape: Shape) -> int:
        height, width, filters = self.output_shape(shape)
        return height * width * shape[2] * (self.kernel_size**2 + filters)

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.SeparableConv2D(
            self.filters,
            self.kernel_size,
            **self.window_options(),
            activation=self.activation,
            depthwise_initializer=place.initializer(self.initializer),
            pointwise_initializer=place.initializer(self.initializer),
            depthwise_regularizer=place.penalty(),
            pointwise_regularizer=place.penalty(),
            use_bias=self.use_bias,
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        initializer, penalty = place.initializer(self.initializer), place.penalty()
        return [
            str(self.filters),
            str(self.kernel_size),
            *self.window_arguments(),
            *non_default(self.activation == "linear", f'activation="{self.activation}"'),
            f"depthwise_initializer={initializer}",
            f"pointwise_initializer={initializer}",
            *non_default(penalty is None, f"depthwise_regularizer={penalty}"),
            *non_default(penalty is None, f"pointwise_regularizer={penalty}"),
            *non_default(self.use_bias, "use_bias=False"),
        ]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        return weighted_window(
            inputs[0],
            tuple(range(inputs[0].shape[2])),
            variables["depthwise_kernel"][..., 0],
            self.window,
            mixture=variables["pointwise_kernel"][0, 0, :, channel],
            bias=float(variables["bias"][channel]) if self.use_bias else None,
            activation=self.activation,
        )

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        size = format_value(fields["kernel_size"])
        return [
            f"{format_value(fields['filters'])} filters {size}×{size}",
            format_stride(fields),
            format_dilation(fields),
            format_padding(fields),
            format_activation(fields),
            format_initializer(fields),
            format_bias(fields),
        ]
