"""``cifar10-vgg``: overfitting and feature maps (2022)."""

from types import MappingProxyType

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Standardize
from cifarviz.experiment.published.preset import HistoryRow, Preset
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

_HISTORY: tuple[HistoryRow, ...] = (
    HistoryRow(1, 1.6114, 0.4188, 1.4010, 0.4950),
    HistoryRow(2, 1.2550, 0.5530, 1.2049, 0.5715),
    HistoryRow(3, 1.0781, 0.6198, 1.0371, 0.6316),
    HistoryRow(4, 0.9511, 0.6672, 0.9648, 0.6568),
    HistoryRow(5, 0.8559, 0.7037, 0.9244, 0.6784),
    HistoryRow(6, 0.7733, 0.7326, 0.9081, 0.6803),
    HistoryRow(7, 0.7021, 0.7568, 0.8680, 0.6993),
    HistoryRow(8, 0.6293, 0.7827, 0.8186, 0.7185),
    HistoryRow(9, 0.5643, 0.8077, 0.7965, 0.7255),
    HistoryRow(10, 0.4942, 0.8296, 0.8020, 0.7345),
    HistoryRow(11, 0.4339, 0.8504, 0.8154, 0.7341),
    HistoryRow(12, 0.3772, 0.8706, 0.8469, 0.7357),
    HistoryRow(13, 0.3164, 0.8932, 0.8981, 0.7353),
    HistoryRow(14, 0.2641, 0.9114, 0.9414, 0.7311),
    HistoryRow(15, 0.2174, 0.9264, 0.9825, 0.7328),
    HistoryRow(16, 0.1726, 0.9431, 1.0559, 0.7345),
    HistoryRow(17, 0.1393, 0.9525, 1.2586, 0.7155),
    HistoryRow(18, 0.1121, 0.9626, 1.2563, 0.7325),
    HistoryRow(19, 0.0969, 0.9677, 1.3209, 0.7282),
    HistoryRow(20, 0.0858, 0.9719, 1.3294, 0.7332),
    HistoryRow(21, 0.0746, 0.9754, 1.3338, 0.7365),
    HistoryRow(22, 0.0656, 0.9783, 1.4120, 0.7326),
    HistoryRow(23, 0.0574, 0.9808, 1.5425, 0.7303),
    HistoryRow(24, 0.0554, 0.9811, 1.5385, 0.7303),
    HistoryRow(25, 0.0499, 0.9833, 1.5926, 0.7319),
    HistoryRow(26, 0.0472, 0.9841, 1.6220, 0.7323),
    HistoryRow(27, 0.0468, 0.9839, 1.6211, 0.7342),
    HistoryRow(28, 0.0445, 0.9843, 1.6731, 0.7319),
    HistoryRow(29, 0.0414, 0.9865, 1.7043, 0.7353),
    HistoryRow(30, 0.0471, 0.9836, 1.6563, 0.7363),
)

_BLOCKS = [
    layer
    for filters in (32, 64, 128)
    for layer in (Conv2D(filters=filters), Conv2D(filters=filters), MaxPool2D(padding="same"))
]
_HEAD = (Flatten(), Dense(units=256), Dense(units=10, activation="softmax"))

CIFAR10_VGG = Preset(
    name="cifar10-vgg",
    title="Overfitting and feature maps",
    story=(
        "Three VGG-style blocks of two convolutions each almost memorise the training images: "
        "they overfit. Watch the validation loss: it is lowest around epoch 9 and then rises, "
        "while the training accuracy reaches 98%. Afterwards, look at the feature maps of each "
        "layer. The authors ended at 73.6% validation accuracy after 30 epochs, hardly more than "
        "the 72.5% of epoch 9."
    ),
    experiment=Experiment(
        preset="cifar10-vgg",
        data=Data(dataset="cifar10", variant="full"),
        validation=SplitValidation(fraction=0.3, seed=777),
        preprocessing=Standardize(),
        architecture=Architecture(input_shape=(32, 32, 3), classes=10, layers=(*_BLOCKS, *_HEAD)),
        optimizer=Adam(learning_rate=1e-4),
        batch_size=32,
        epochs=30,
    ),
    published=MappingProxyType(
        {
            "year": 2022,
            "parameters": 814_122,
            "seconds_an_epoch": None,
            "history": _HISTORY,
            "measured_on": "validation",
        }
    ),
)
