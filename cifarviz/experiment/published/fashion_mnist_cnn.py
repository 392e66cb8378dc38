"""``fashion-mnist-cnn``: early stopping and the best checkpoint."""

from types import MappingProxyType

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, EarlyStopping, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Divide
from cifarviz.experiment.published.preset import HistoryRow, Preset
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

_HISTORY: tuple[HistoryRow, ...] = (
    HistoryRow(1, 0.5237, 0.8120, 0.3200, 0.8809),
    HistoryRow(2, 0.3450, 0.8777, 0.2833, 0.8988),
    HistoryRow(3, 0.2965, 0.8932, 0.2616, 0.9028),
    HistoryRow(4, 0.2617, 0.9047, 0.2388, 0.9106),
    HistoryRow(5, 0.2389, 0.9134, 0.2262, 0.9137),
    HistoryRow(6, 0.2181, 0.9207, 0.2157, 0.9202),
    HistoryRow(7, 0.1985, 0.9268, 0.2172, 0.9171),
    HistoryRow(8, 0.1844, 0.9316, 0.2278, 0.9180),
)

_ARCHITECTURE = Architecture(
    input_shape=(28, 28, 1),
    classes=10,
    layers=(
        Conv2D(filters=32),
        MaxPool2D(),
        Conv2D(filters=64),
        MaxPool2D(),
        Flatten(),
        Dense(units=100),
        Dropout(rate=0.4),
        Dense(units=10, activation="softmax"),
    ),
)

FASHION_MNIST_CNN = Preset(
    name="fashion-mnist-cnn",
    title="Early stopping and the best checkpoint",
    story=(
        "A small network learns ten kinds of clothes. When two epochs in a row do not lower the "
        "validation loss, training stops and the weights of the best epoch are restored. Watch "
        "for the epoch after which the validation loss rises while the training loss keeps "
        "falling. The authors' run stopped after epoch 8 and restored epoch 6, with a validation "
        "loss of 0.2157 and a validation accuracy of 92.0%."
    ),
    experiment=Experiment(
        preset="fashion-mnist-cnn",
        data=Data(dataset="fashion-mnist", variant="full"),
        validation=SplitValidation(fraction=0.2, seed=42),
        preprocessing=Divide(divisor=255.0),
        architecture=_ARCHITECTURE,
        optimizer=Adam(learning_rate=0.001),
        batch_size=32,
        epochs=20,
        monitor="loss",
        early_stopping=EarlyStopping(patience=2, restore_best_weights=True),
        best_only=True,
    ),
    published=MappingProxyType(
        {
            "year": None,
            "parameters": 333_526,
            "seconds_an_epoch": None,
            "history": _HISTORY,
            "measured_on": "validation",
        }
    ),
)
