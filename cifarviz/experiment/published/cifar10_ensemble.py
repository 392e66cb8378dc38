"""``cifar10-ensemble``: four members voting (2020)."""

from types import MappingProxyType

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, Loss, NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Divide
from cifarviz.experiment.published.preset import HistoryRow, Preset, PresetVariant
from cifarviz.layers.base import Layer
from cifarviz.layers.choices import HiddenInitializerName
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

_EPOCHS, _MEMBERS = 15, 4
_INITIALIZER: HiddenInitializerName = "glorot_normal"

# The last of the four, whose weights had then seen 60 epochs; measured on the test images.
_HISTORY: tuple[HistoryRow, ...] = (HistoryRow(60, 0.6055, 0.8041, 1.1913, 0.6599),)

_CONVOLUTIONS: list[Layer] = [
    layer
    for filters in (15, 30, 30, 30)
    for layer in (
        Conv2D(filters=filters, kernel_size=4, initializer=_INITIALIZER),
        MaxPool2D(),
    )
]
_HEAD: list[Layer] = [
    layer
    for units in (200, 200, 100, 100)
    for layer in (Dense(units=units, initializer=_INITIALIZER), Dropout(rate=0.5))
]
_OUTPUT = Dense(units=10, activation="softmax", initializer=_INITIALIZER)

_MEMBER = Experiment(
    preset="cifar10-ensemble",
    data=Data(dataset="cifar10", variant="full"),
    validation=NoValidation(),
    preprocessing=Divide(divisor=225.0),
    architecture=Architecture(
        input_shape=(32, 32, 3), classes=10, layers=(*_CONVOLUTIONS, Flatten(), *_HEAD, _OUTPUT)
    ),
    optimizer=Adam(learning_rate=0.001),
    batch_size=100,
    epochs=_EPOCHS,
    loss=Loss(labels="one_hot"),
    tensorboard=True,
)

CIFAR10_ENSEMBLE = Preset(
    name="cifar10-ensemble",
    title="Four networks voting",
    story=(
        "Four networks with the same layers, trained from four seeds, predict together: their "
        "probabilities are summed, and the class with the largest sum wins. Watch how much "
        "better the ensemble is than its best member, and where it corrects a member's mistake. "
        "The authors got 66.0% on the test images with their last member and 70.1% with the "
        "ensemble, whose members were the same network after 15, 30, 45 and 60 epochs."
    ),
    experiment=_MEMBER,
    published=MappingProxyType(
        {
            "year": 2020,
            "parameters": 132_435,
            "seconds_an_epoch": None,
            "history": _HISTORY,
            "measured_on": "test",
            "ensemble_accuracy": 0.7006,
        }
    ),
    notes=(
        "The pixels are divided by 225, as published, which is probably a typo for 255. You can "
        "change the divisor on the Train page, under Data.",
        "In the published run the four members were the same object, so the same weights were "
        "trained four times in a row; this ensemble trains four members from four seeds.",
    ),
    members=_MEMBERS,
    variants=(
        PresetVariant(
            name="as-published",
            title="As published: one run of 60 epochs",
            text=(
                "Trains a single network for 60 epochs and combines its predictions after epochs "
                "15, 30, 45 and 60, which is what the published code does."
            ),
            experiment=Experiment.make(
                **{
                    **dict(_MEMBER),
                    "epochs": _MEMBERS * _EPOCHS,
                    "test_epochs": [_EPOCHS * member for member in range(1, _MEMBERS + 1)],
                }
            ),
        ),
    ),
)
