"""Published experiments, ready to run, each with its story and its authors' figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cifarviz.experiment import published
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, SplitValidation, TestValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.layers import Conv2D, Dense, Flatten, LayerSpec, MaxPool2D
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Divide, Standardize


@dataclass(frozen=True)
class Preset:
    """A published experiment."""

    name: str
    title: str
    story: str
    """Three sentences: what it shows, what to watch for, what the authors got."""
    experiment: Experiment
    published: Mapping[str, Any]
    """``year``, ``parameters``, ``seconds_an_epoch`` (low, high) or ``None``, and ``history``:
    rows of (epoch, loss, accuracy, validation loss, validation accuracy)."""


def _starter() -> Preset:
    layers: tuple[LayerSpec, ...] = (
        Conv2D(filters=32, padding="valid"),
        MaxPool2D(),
        Conv2D(filters=64, padding="valid"),
        MaxPool2D(),
        Conv2D(filters=64, padding="valid"),
        Flatten(),
        Dense(units=64),
        Dense(units=10, activation="softmax"),
    )
    experiment = Experiment(
        preset="cifar10-starter",
        data=Data(dataset="cifar10", variant="full"),
        validation=TestValidation(),
        preprocessing=Divide(divisor=255.0),
        architecture=Architecture(input_shape=(32, 32, 3), classes=10, layers=layers),
        optimizer=Adam(learning_rate=0.001),
        batch_size=4,
        epochs=10,
    )
    return Preset(
        name="cifar10-starter",
        title="A first network: three convolutions",
        story=(
            "A small network of three convolutions and one hidden layer learns to tell the ten "
            "classes apart. Watch the training loss go on falling while the validation loss, after "
            "a few epochs, does not. The authors got 74.7 % on the training images and 66.2 % on "
            "the test images after 10 epochs with batches of 4."
        ),
        experiment=experiment,
        published=MappingProxyType(
            {
                "year": 2022,
                "parameters": 122_570,
                "seconds_an_epoch": (45, 58),
                "history": published.CIFAR10_STARTER,
            }
        ),
    )


def _vgg() -> Preset:
    blocks = [
        layer
        for filters in (32, 64, 128)
        for layer in (
            Conv2D(filters=filters),
            Conv2D(filters=filters),
            MaxPool2D(padding="same"),
        )
    ]
    head = (Flatten(), Dense(units=256), Dense(units=10, activation="softmax"))
    experiment = Experiment(
        preset="cifar10-vgg",
        data=Data(dataset="cifar10", variant="full"),
        validation=SplitValidation(fraction=0.3, seed=777),
        preprocessing=Standardize(),
        architecture=Architecture(input_shape=(32, 32, 3), classes=10, layers=(*blocks, *head)),
        optimizer=Adam(learning_rate=1e-4),
        batch_size=32,
        epochs=30,
    )
    return Preset(
        name="cifar10-vgg",
        title="Overfitting and feature maps",
        story=(
            "Three blocks of two convolutions each, in the manner of VGG, learn the training "
            "images almost by heart, which is what overfitting means. Watch the validation loss: "
            "it is lowest around epoch 9 and then climbs, while the training accuracy goes on to "
            "98 %; afterwards, look at the feature maps of each layer. The authors ended at 73.6 % "
            "validation accuracy after 30 epochs, hardly more than the 72.6 % of epoch 9."
        ),
        experiment=experiment,
        published=MappingProxyType(
            {
                "year": 2022,
                "parameters": 814_122,
                "seconds_an_epoch": None,
                "history": published.CIFAR10_VGG,
            }
        ),
    )


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (_starter(), _vgg())}
)
"""Every preset by its name, in the order a menu shows them."""
