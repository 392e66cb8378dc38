"""``cifar10-dropout``: a deep head with dropout, after an overview of the data (2019)."""

from types import MappingProxyType

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Divide
from cifarviz.experiment.published.preset import Preset
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

_FEATURES = [
    layer
    for filters in (32, 64)
    for layer in (
        Conv2D(filters=filters),
        Conv2D(filters=filters),
        MaxPool2D(),
        Dropout(rate=0.25),
    )
]
_CLASSIFICATION = (
    Flatten(),
    Dense(units=512),
    Dropout(rate=0.5),
    Dense(units=10, activation="softmax"),
)

CIFAR10_DROPOUT = Preset(
    name="cifar10-dropout",
    title="Dropout against overfitting",
    story=(
        "Convolutions extract features and dense layers classify them. After each stage dropout "
        "switches off a random part of the features, so that the network cannot memorise the "
        "training images. Watch the validation curve: it stays close to the training curve and is "
        "often better, since dropout is only active in training. The authors describe the kinds "
        "of layers but no sizes, training settings or results, so the settings are our choice and "
        "there are no published results to compare with."
    ),
    experiment=Experiment(
        preset="cifar10-dropout",
        data=Data(dataset="cifar10", variant="full"),
        validation=SplitValidation(fraction=0.2, seed=42),
        preprocessing=Divide(divisor=255.0),
        architecture=Architecture(
            input_shape=(32, 32, 3), classes=10, layers=(*_FEATURES, *_CLASSIFICATION)
        ),
        optimizer=Adam(learning_rate=0.001),
        batch_size=32,
        epochs=25,
    ),
    published=MappingProxyType(
        {
            "year": 2019,
            "parameters": None,
            "seconds_an_epoch": None,
            "history": (),
            "measured_on": None,
        }
    ),
    notes=(
        "The numbers of filters and units, dropout rates, optimiser, batch size, split and epochs "
        "are our choice: the text names only the kinds of layers.",
    ),
)
