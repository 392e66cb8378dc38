"""Dense layers."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import (
    CodePlace,
    DoesNotFit,
    Fields,
    KerasPlace,
    Layer,
    Shape,
    Variable,
    format_shape,
    kernel_arguments,
)
from cifarviz.layers.calculation import Calculation, Placement, WeightedSum, as_maps
from cifarviz.layers.choices import (
    ActivationChoice,
    BiasChoice,
    DenseInitializerChoice,
    FrozenChoice,
    format_activation,
    format_bias,
    format_initializer,
)
from cifarviz.value_text import format_value


class Dense(Layer):
    """A fully connected layer."""

    title: ClassVar[str] = "Dense"
    explanation: ClassVar[str] = (
        "Each unit computes a weighted sum of all incoming values. The last dense layer has one "
        "unit per class, and softmax turns its outputs into probabilities."
    )
    keras_name: ClassVar[str] = "dense"
    keras_class: ClassVar[str] = "Dense"
    color: ClassVar[str] = "#A98A5B"
    label_name: ClassVar[str] = "Dense"
    label_field: ClassVar[str | None] = "units"
    width_field: ClassVar[str | None] = "units"
    can_be_output: ClassVar[bool] = True

    type: Literal["dense"] = "dense"
    units: int = Field(
        default=64,
        ge=1,
        le=65_536,
        title="number of units",
        description="How many weighted sums this layer computes; the output layer has one unit per "
        "class.",
    )
    activation: ActivationChoice = "relu"
    initializer: DenseInitializerChoice = "glorot_uniform"
    use_bias: BiasChoice = True
    frozen: FrozenChoice = False

    @classmethod
    def output_fields(cls, classes: int) -> Fields:
        return {"units": classes, "activation": "softmax"}

    def problem(self, *, first: bool, last: bool, classes: int) -> str | None:
        if self.frozen and self.initializer == "zeros":
            return (
                "A frozen layer of zeros passes nothing on, so nothing is learned. Choose another "
                "initialiser, or unfreeze it."
            )
        if not last and self.initializer == "zeros":
            return (
                "With zeros this layer passes nothing on at first, and after a ReLU nothing comes "
                "back, so nothing is learned. Choose another initialiser; zeros suit the output "
                "layer only."
            )
        if not last:
            return super().problem(first=first, last=last, classes=classes)
        if self.units == classes and self.activation == "softmax":
            return None
        if self.activation == "softmax":
            return (
                f"The output layer needs {classes} units (one per class), and this layer has "
                f"{self.units:,}."
            )
        if self.units == classes:
            return (
                "The output layer needs softmax, which turns its values into probabilities, and "
                f"this layer has {self.activation}."
            )
        return (
            f"The last layer must be the output layer: {classes} units (one per class) and "
            "softmax. Change this layer, or add such a dense layer after it."
        )

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise DoesNotFit(
                "Dense layers need a flat vector, and the input has the shape "
                f"{format_shape(shape)}. Add Flatten or global pooling before this layer."
            )
        return (self.units,)

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        kernel = Variable("kernel", (shape[0], self.units))
        return (kernel, Variable("bias", (self.units,))) if self.use_bias else (kernel,)

    def operations(self, shape: Shape) -> int:
        return shape[0] * self.units

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.Dense(
            self.units,
            activation=self.activation,
            kernel_initializer=place.initializer(self.initializer),
            kernel_regularizer=place.penalty(),
            use_bias=self.use_bias,
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [
            str(self.units),
            *kernel_arguments(place, self.activation, self.initializer, self.use_bias, "kernel"),
        ]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        values, kernel = inputs[0], variables["kernel"]
        scores = None
        if self.activation == "softmax":
            scores = values.astype(np.float64) @ kernel.astype(np.float64)
            scores += variables["bias"] if self.use_bias else 0
        return WeightedSum(
            as_maps(values),
            Placement(),
            kernel[:, channel, None, None],
            bias=float(variables["bias"][channel]) if self.use_bias else None,
            activation=self.activation,
            channels=tuple(range(len(values))),
            scores=scores,
            unit=channel,
        )

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [
            f"{format_value(fields['units'])} units",
            format_activation(fields),
            format_initializer(fields),
            format_bias(fields),
        ]
