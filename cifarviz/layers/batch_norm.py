"""Batch normalisation."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import CodePlace, Fields, KerasPlace, Layer, Shape, Variable
from cifarviz.layers.calculation import Calculation, normalized
from cifarviz.layers.choices import FrozenChoice
from cifarviz.value_text import format_value


class BatchNorm(Layer):
    """Batch normalization over the last axis, with learned scale and offset."""

    title: ClassVar[str] = "Batch normalisation"
    explanation: ClassVar[str] = (
        "Centres and scales each channel over the batch, which makes training more stable and "
        "faster."
    )
    keras_name: ClassVar[str] = "batch_normalization"
    keras_class: ClassVar[str] = "BatchNormalization"
    color: ClassVar[str] = "#5E97A8"
    label_name: ClassVar[str] = "Batch norm"
    is_normalization: ClassVar[bool] = True

    type: Literal["batch_norm"] = "batch_norm"
    momentum: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        title="momentum",
        description="How slowly the moving mean and variance follow those of the batches; closer "
        "to 1 is slower.",
    )
    epsilon: float = Field(
        default=1e-3,
        gt=0,
        le=1,
        title="epsilon",
        description="A small number added to the variance to avoid division by zero.",
    )
    frozen: FrozenChoice = False

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        channels = (shape[-1],)
        return (
            Variable("gamma", channels),
            Variable("beta", channels),
            Variable("moving_mean", channels, trainable=False),
            Variable("moving_variance", channels, trainable=False, never_negative=True),
        )

    def operations(self, shape: Shape) -> int:
        return math.prod(shape)

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.BatchNormalization(
            axis=-1,
            momentum=self.momentum,
            epsilon=self.epsilon,
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [f"momentum={self.momentum!r}", f"epsilon={self.epsilon!r}"]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        means, variances = variables["moving_mean"], variables["moving_variance"]
        return normalized(
            inputs[0],
            channel,
            variables["gamma"],
            variables["beta"],
            self.epsilon,
            (means[channel].astype(np.float64), variances[channel].astype(np.float64)),
            "of the channel, as training left them",
        )

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [
            f"momentum {format_value(fields['momentum'])}",
            f"epsilon {format_value(fields['epsilon'])}",
        ]
