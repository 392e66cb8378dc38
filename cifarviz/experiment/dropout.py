"""The same network with more dropout, with less, or with some at all."""

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.layers import Dense, Dropout, LayerSpec


def dropout_rates(architecture: Architecture) -> tuple[float, ...]:
    """The rates of its dropout layers, in their order."""
    return tuple(layer.rate for layer in architecture.layers if isinstance(layer, Dropout))


def with_dropout(architecture: Architecture, rate: float) -> Architecture:
    """``architecture`` with this rate (0 to below 1) in every dropout layer.

    One that has none gets a layer before its last dense layer, where most of what is learned by
    heart sits; its weights are none of that layer's. Raises ``ExperimentInvalid`` for a rate that
    is none, and where there is no dense layer to put it before.
    """
    dropout = Dropout.make(rate=rate)
    layers: list[LayerSpec] = list(architecture.layers)
    if dropout_rates(architecture):
        layers = [dropout if isinstance(layer, Dropout) else layer for layer in layers]
    elif rate > 0:
        dense = [place for place, layer in enumerate(layers) if isinstance(layer, Dense)]
        if not dense:
            raise ExperimentInvalid(
                "Dropout goes before the last dense layer, and this network has none: leave it out."
            )
        layers.insert(dense[-1], dropout)
    return Architecture.make(
        input_shape=architecture.input_shape, classes=architecture.classes, layers=layers
    )
