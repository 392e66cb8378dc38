"""A small experiment with any field replaced, as a value and as JSON that may be wrong."""

import json

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten

NETWORK = Architecture(
    input_shape=(32, 32, 3),
    classes=10,
    layers=(
        Conv2D(filters=4),
        Dropout(rate=0.25),
        Flatten(),
        Dense(units=10, activation="softmax"),
    ),
)


def experiment(**changes: object) -> Experiment:
    return Experiment.make(**{"architecture": NETWORK, **changes})


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(experiment().to_json()), **changes})
