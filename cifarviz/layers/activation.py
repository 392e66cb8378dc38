"""An activation function as a separate layer."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.layers.base import CodePlace, Fields, KerasPlace, Layer
from cifarviz.layers.calculation import Calculation, passed_on
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

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        return passed_on(inputs[0], channel, self.activation)

    @classmethod
    def short_label(cls, fields: Fields) -> str:
        return format_value(fields["activation"])

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [format_activation(fields)]
