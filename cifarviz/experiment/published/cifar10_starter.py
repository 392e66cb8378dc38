"""``cifar10-starter``: three convolutions and one hidden layer (2022)."""

from types import MappingProxyType

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, TestValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Divide
from cifarviz.experiment.published.preset import HistoryRow, Preset
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

# Only the first and the last epoch are reported.
_HISTORY: tuple[HistoryRow, ...] = (
    HistoryRow(1, 1.5071, 0.4502, 1.2627, 0.5466),
    HistoryRow(10, 0.7198, 0.7468, 1.0584, 0.6620),
)

_ARCHITECTURE = Architecture(
    input_shape=(32, 32, 3),
    classes=10,
    layers=(
        Conv2D(filters=32, padding="valid"),
        MaxPool2D(),
        Conv2D(filters=64, padding="valid"),
        MaxPool2D(),
        Conv2D(filters=64, padding="valid"),
        Flatten(),
        Dense(units=64),
        Dense(units=10, activation="softmax"),
    ),
)

CIFAR10_STARTER = Preset(
    name="cifar10-starter",
    title="A first network: three convolutions",
    story=(
        "A small network of three convolutions and one hidden layer learns to distinguish the ten "
        "classes. Watch the training loss keep falling while the validation loss stops falling "
        "after a few epochs. The authors got 74.7% on the training images and 66.2% on the test "
        "images after 10 epochs with a batch size of 4."
    ),
    experiment=Experiment(
        preset="cifar10-starter",
        data=Data(dataset="cifar10", variant="full"),
        validation=TestValidation(),
        preprocessing=Divide(divisor=255.0),
        architecture=_ARCHITECTURE,
        optimizer=Adam(learning_rate=0.001),
        batch_size=4,
        epochs=10,
    ),
    published=MappingProxyType(
        {
            "year": 2022,
            "parameters": 122_570,
            "seconds_an_epoch": (45, 58),
            "history": _HISTORY,
            "measured_on": "test",
        }
    ),
    notes=(
        "The test images are used for validation, as published, so the test accuracy is not "
        "measured on unseen images.",
    ),
)
