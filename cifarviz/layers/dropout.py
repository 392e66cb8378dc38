"""Dropout."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cifarviz.errors import ExperimentInvalid
from cifarviz.layers.base import (
    SEED,
    CodePlace,
    Fields,
    KerasPlace,
    Layer,
    Shape,
    Variable,
    map_shape,
)
from cifarviz.layers.block import replace_layers
from cifarviz.layers.dense import Dense
from cifarviz.value_text import format_value


class Dropout(Layer):
    """Dropout of single values, during training only."""

    title: ClassVar[str] = "Dropout"
    explanation: ClassVar[str] = (
        "Sets a random share of the values to zero during training, so that the network cannot "
        "rely on single values; this reduces overfitting."
    )
    keras_name: ClassVar[str] = "dropout"
    keras_class: ClassVar[str] = "Dropout"
    color: ClassVar[str] = "#9AA3AB"
    label_name: ClassVar[str] = "Dropout"
    label_field: ClassVar[str | None] = "rate"
    label_is_complete: ClassVar[bool] = True
    only_in_training: ClassVar[bool] = True

    type: Literal["dropout"] = "dropout"
    rate: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        title="dropout rate",
        description="The share of values that dropout sets to zero in each training step.",
    )

    @property
    def draws_random_numbers(self) -> bool:
        return self.rate > 0

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        return (Variable(SEED, (2,), trainable=False),) if self.rate else ()

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.Dropout(self.rate, seed=place.seed, name=place.name, dtype=place.dtype)

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [f"{self.rate!r}", f"seed={place.seed()}"]

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [f"rate {format_value(fields['rate'])}"]


class SpatialDropout2D(Layer):
    """Dropout of whole channels, during training only (Tompson et al., arXiv 1411.4280)."""

    title: ClassVar[str] = "Spatial dropout"
    explanation: ClassVar[str] = (
        "Sets whole channels to zero during training instead of single values, whose neighbours "
        "in the map would give them away."
    )
    keras_name: ClassVar[str] = "spatial_dropout2d"
    keras_class: ClassVar[str] = "SpatialDropout2D"
    color: ClassVar[str] = "#7F8A93"
    label_name: ClassVar[str] = "Spatial drop"
    label_is_complete: ClassVar[bool] = False
    only_in_training: ClassVar[bool] = True

    type: Literal["spatial_dropout2d"] = "spatial_dropout2d"
    rate: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        title="dropout rate",
        description="The share of channels that dropout sets to zero in each training step.",
    )

    @property
    def draws_random_numbers(self) -> bool:
        return self.rate > 0

    def output_shape(self, shape: Shape) -> Shape:
        return map_shape(shape)

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        return (Variable(SEED, (2,), trainable=False),) if self.rate else ()

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        return keras.layers.SpatialDropout2D(
            self.rate,
            data_format="channels_last",
            seed=place.seed,
            name=place.name,
            dtype=place.dtype,
        )

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        return [f"{self.rate!r}", f"seed={place.seed()}"]

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        return [f"rate {format_value(fields['rate'])}"]


def dropout_rates(layers: Sequence[Layer]) -> tuple[float, ...]:
    """Return the rates of the dropout layers in ``layers`` and inside them, in order."""
    every = (inner for layer in layers for inner in layer.all_layers())
    return tuple(layer.rate for layer in every if isinstance(layer, Dropout))


def set_dropout(layers: Sequence[Layer], rate: float) -> list[Layer]:
    """Return ``layers`` with this rate (0 to below 1) in every dropout layer.

    Without a dropout layer, a new layer is added before the last dense layer, whose weights
    overfit most. Raises ``ExperimentInvalid`` for an invalid rate, and without a dense layer.
    """
    dropout = Dropout.make(rate=rate)
    if dropout_rates(layers):
        return replace_layers(
            layers, lambda layer: dropout if isinstance(layer, Dropout) else layer
        )
    if rate == 0:
        return list(layers)
    dense = [place for place, layer in enumerate(layers) if isinstance(layer, Dense)]
    if not dense:
        raise ExperimentInvalid(
            "Dropout is added before the last dense layer, and this network has no dense layer. "
            "Do not set a dropout rate."
        )
    return [*layers[: dense[-1]], dropout, *layers[dense[-1] :]]
