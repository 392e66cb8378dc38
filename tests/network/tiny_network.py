"""A tiny network with weights and random generators of every kind, and its preprocessing."""

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Divide, scaling
from cifarviz.layers.activation import Activation
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

BY_255 = scaling(Divide(), (), (), 3)
TINY = Architecture(
    input_shape=(8, 8, 3),
    classes=4,
    layers=(
        Conv2D(filters=4, initializer="he_normal"),
        BatchNorm(),
        Activation(activation="silu"),
        MaxPool2D(),
        Dropout(rate=0.3),
        Flatten(),
        Dense(units=8, initializer="glorot_normal"),
        Dropout(rate=0.5),
        Dense(units=4, activation="softmax"),
    ),
)
