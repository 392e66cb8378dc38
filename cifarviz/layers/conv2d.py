"""Convolution."""

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
    slide_window,
)
from cifarviz.layers.calculation import Calculation
from cifarviz.layers.choices import (
    ActivationChoice,
    BiasChoice,
    DilationChoice,
    FrozenChoice,
    InitializerChoice,
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


class Conv2D(Convolution):
    """A 2-D convolution with square kernels."""

    title: ClassVar[str] = "Convolution"
    explanation: ClassVar[str] = (
        "Slides small learned filters over the map; each filter responds where it finds its "
        "pattern and produces one output channel."
    )
    keras_name: ClassVar[str] = "conv2d"
    keras_class: ClassVar[str] = "Conv2D"
    color: ClassVar[str] = "#7C6BC9"
    label_name: ClassVar[str] = "Conv"
    label_field: ClassVar[str | None] = "filters"
    width_field: ClassVar[str | None] = "filters"
    has_filters: ClassVar[bool] = True

    type: Literal["conv2d"] = "conv2d"
    filters: int = Field(
        default=32,
        ge=1,
        le=4096,
        title="number of filters",
        description="How many patterns this layer learns to find; each filter produces one output "
        "channel (a map of values, like the red channel of an image).",
    )
    kernel_size: KernelSizeChoice = 3
    strides: StridesChoice = 1
    padding: PaddingChoice = "same"
    activation: ActivationChoice = "relu"
    initializer: InitializerChoice = "glorot_uniform"
    use_bias: BiasChoice = True
    dilation: DilationChoice = 1
    frozen: FrozenChoice = False

    def output_shape(self, shape: Shape) -> Shape:
        return (*slide_window(shape, self.window, "kernel"), self.filters)

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        kernel = Variable("kernel", (self.kernel_size, self.kernel_size, shape[2], self.filters))
        return (kernel, Variable("bias", (self.filters,))) if self.use_bias else (kernel,)

    def operations(self, shape: Shape) -> int:
        height, width, filters = self.output_shape(shape)
        return height * width * self.kernel_size**2 * shape[2] * filters

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            **self.window_options(),
            activation=self.activation,
            kernel_initializer=place.initializer(self.initializer),
            kernel_regularizer=place.penalty(),
            use_bias=self.use_bias,
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [
            str(self.filters),
            str(self.kernel_size),
            *self.window_arguments(),
            *kernel_arguments(place, self.activation, self.initializer, self.use_bias, "kernel"),
        ]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        kernel = variables["kernel"][..., channel]
        return weighted_window(
            inputs[0],
            tuple(range(kernel.shape[2])),
            kernel,
            self.window,
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
