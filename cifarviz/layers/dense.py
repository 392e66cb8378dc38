"""Dense layers."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cifarviz.layers.base import (
    CodePlace,
    DoesNotFit,
    Fields,
    KerasPlace,
    Layer,
    Shape,
    Variable,
    in_words,
    kernel_arguments,
)
from cifarviz.layers.choices import (
    ActivationChoice,
    BiasChoice,
    InitializerChoice,
    activation_words,
    bias_words,
    initializer_words,
)
from cifarviz.value_text import value_words


class Dense(Layer):
    """A fully connected layer."""

    title: ClassVar[str] = "Dense"
    explanation: ClassVar[str] = (
        "Each unit weighs all incoming values and adds them up; the last dense layer has one unit "
        "a class, and softmax makes them probabilities."
    )
    keras_name: ClassVar[str] = "dense"
    keras_class: ClassVar[str] = "Dense"
    color: ClassVar[str] = "#A98A5B"
    label_name: ClassVar[str] = "Dense"
    label_field: ClassVar[str | None] = "units"
    can_be_output: ClassVar[bool] = True

    type: Literal["dense"] = "dense"
    units: int = Field(
        default=64,
        ge=1,
        le=65_536,
        title="number of units",
        description="How many weighted sums this layer makes; the output layer has one a class.",
    )
    activation: ActivationChoice = "relu"
    initializer: InitializerChoice = "glorot_uniform"
    use_bias: BiasChoice = True

    @classmethod
    def output_fields(cls, classes: int) -> Fields:
        return {"units": classes, "activation": "softmax"}

    def problem(self, *, first: bool, last: bool, classes: int) -> str | None:
        if not last:
            return super().problem(first=first, last=last, classes=classes)
        if self.units == classes and self.activation == "softmax":
            return None
        if self.activation == "softmax":
            return (
                f"The output layer needs one unit a class, so {classes}, and this one has "
                f"{self.units:,}."
            )
        if self.units == classes:
            return (
                "The output layer needs softmax, which turns its values into probabilities, and "
                f"this one has {self.activation}."
            )
        return (
            f"The last layer must be the output, with one unit a class ({classes}) and softmax: "
            "add such a dense layer after this one, or change this one."
        )

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise DoesNotFit(
                "Dense layers want a flat vector: put Flatten or global pooling before this "
                f"layer (the map here is {in_words(shape)})."
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

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [
            f"{value_words(fields['units'])} units",
            activation_words(fields),
            initializer_words(fields),
            bias_words(fields),
        ]
