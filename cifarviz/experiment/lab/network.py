"""The network that the lab trains, and how."""

from cifarviz.datasets.registry import find
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, TestValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

_FILTERS = (16, 32, 64)
_UNITS = 128


def lab_network(
    dataset: str, *, width: float = 1.0, dropout: float = 0.0, batch_norm: bool = False
) -> Architecture:
    """Three convolutions and a hidden layer: small enough for seconds, large enough to memorise.

    ``width`` multiplies filters and units. ``dropout`` is the rate before the last layer, and half
    of it after each pooling. ``batch_norm``: after each convolution.
    """
    info = find(dataset)
    # Three times half of fewer than eight pixels would be none.
    pool = MaxPool2D(padding="valid" if min(info.image_shape[:2]) >= 8 else "same")
    layers: list[Layer] = []
    for filters in _FILTERS:
        wide = round(width * filters)
        if batch_norm:
            layers += [
                Conv2D(filters=wide, activation="linear"),
                # Short runs: with 0.99 the remembered means would still be those of the start.
                BatchNorm(momentum=0.9),
                Activation(activation="relu"),
            ]
        else:
            layers.append(Conv2D(filters=wide))
        layers.append(pool)
        if dropout:
            layers.append(Dropout(rate=dropout / 2))
    layers += [Flatten(), Dense(units=round(width * _UNITS))]
    if dropout:
        layers.append(Dropout(rate=dropout))
    layers.append(Dense(units=len(info.classes), activation="softmax"))
    return Architecture(
        input_shape=info.image_shape, classes=len(info.classes), layers=tuple(layers)
    )


def lab_experiment(data: Data, *, epochs: int, seed: int, **fields: object) -> Experiment:
    """What all runs of the lab have in common; ``fields`` are those that differ.

    Validated on the test images, since nothing is chosen by them and none is lost for training.
    Raises ``ExperimentInvalid``.
    """
    base: dict[str, object] = {
        "validation": TestValidation(),
        "architecture": lab_network(data.dataset),
        "optimizer": Adam(learning_rate=0.001),
        "batch_size": 32,
        # Not "auto": runs that are compared must not differ in how exactly they calculate.
        "precision": "float32",
    }
    return Experiment.make(**{**base, "data": data, "epochs": epochs, "seed": seed, **fields})
