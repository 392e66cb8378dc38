"""An activation function as a separate layer."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from cifarviz.layers.base import CodePlace, Fields, KerasPlace, Layer
from cifarviz.layers.choices import ActivationChoice, format_activation
from cifarviz.value_text import format_value


class Activation(Layer):
    """An activation function as a separate layer."""

    title: ClassVar[str] = "Activation"
    explanation: ClassVar[str] = (
        "Applies a function to each value, such as ReLU: positive values stay, negative become 0."
    )
    keras_name: ClassVar[str] = "activation"
    keras_class: ClassVar[str] = "Activation"
    color: ClassVar[str] = "#8FAE62"
    label_keeps_case: ClassVar[bool] = True

    type: Literal["activation"] = "activation"
    activation: ActivationChoice = "relu"

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.Activation(self.activation, name=place.name, dtype=place.dtype)

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [f'"{self.activation}"']

    @classmethod
    def short_label(cls, fields: Fields) -> str:
        return format_value(fields["activation"])

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [format_activation(fields)]
