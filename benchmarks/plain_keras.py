"""The published experiments in plain Keras, as users would write them.

Same network, data, preprocessing, optimizer and batch size as the preset; ``model.fit`` on
arrays, float32, default settings, no global seed, no dashboard. It uses only decoded images of
cifarviz, not its TensorFlow settings.

As a module it is a contender (benchmarks/alternating.py): for each line on standard input it trains
an epoch and prints images/s.

    python -m benchmarks.plain_keras PRESET BATCH_SIZE IMAGES
"""

import sys
import time
from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import layers

from cifarviz.data.library import load
from cifarviz.settings import Settings


def starter() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def vgg() -> keras.Model:
    blocks = []
    for filters in (32, 64, 128):
        blocks += [
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2, padding="same"),
        ]
    head = [
        layers.Flatten(),
        layers.Dense(256, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((32, 32, 3)), *blocks, *head])


def dropout() -> keras.Model:
    blocks = []
    for filters in (32, 64):
        blocks += [
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
        ]
    head = [
        layers.Flatten(),
        layers.Dense(512, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((32, 32, 3)), *blocks, *head])


def ensemble_member() -> keras.Model:
    def dense(units: int, activation: str = "relu") -> layers.Dense:
        return layers.Dense(units, activation=activation, kernel_initializer="glorot_normal")

    stack = []
    for filters in (15, 30, 30, 30):
        stack += [
            layers.Conv2D(
                filters, 4, padding="same", activation="relu", kernel_initializer="glorot_normal"
            ),
            layers.MaxPooling2D(2),
        ]
    stack.append(layers.Flatten())
    for units in (200, 200, 100, 100):
        stack += [dense(units), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((32, 32, 3)), *stack, dense(10, "softmax")])


def separable() -> keras.Model:
    def block(filters: int, *, pooled: bool = False) -> list[keras.Layer]:
        return [
            layers.SeparableConv2D(filters, 3, padding="same", use_bias=False),
            *([layers.MaxPooling2D(2)] if pooled else []),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]

    stack = [
        layers.Conv2D(32, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        *block(64, pooled=True),
        *block(128),
        *block(128, pooled=True),
        *block(192),
        *block(192),
    ]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((32, 32, 3)), *stack, *head])


def resnet20() -> keras.Model:
    def convolution(filters: int, strides: int = 1) -> layers.Conv2D:
        return layers.Conv2D(
            filters,
            3,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            kernel_regularizer=keras.regularizers.L2(5e-5),
        )

    image = keras.Input((32, 32, 3))
    values = layers.ReLU()(layers.BatchNormalization()(convolution(16)(image)))
    for filters in (16, 32, 64):
        for block in range(3):
            smaller = filters > 16 and block == 0
            shortcut = values
            values = convolution(filters, 2 if smaller else 1)(values)
            values = layers.ReLU()(layers.BatchNormalization()(values))
            values = layers.BatchNormalization()(convolution(filters)(values))
            if smaller:
                shortcut = layers.MaxPooling2D(1, 2)(shortcut)
                more = keras.ops.zeros_like(shortcut)
                shortcut = layers.Concatenate()([shortcut, more])
            values = layers.ReLU()(layers.Add()([values, shortcut]))
    values = layers.GlobalAveragePooling2D()(values)
    return keras.Model(image, layers.Dense(10, activation="softmax")(values))


_NETWORKS: Mapping[str, Callable[[], keras.Model]] = {
    "cifar10-starter": starter,
    "cifar10-vgg": vgg,
    "cifar10-dropout": dropout,
    "cifar10-ensemble": ensemble_member,
    "cifar10-separable": separable,
    "cifar10-resnet20": resnet20,
}


def prepare(preset: str, count: int) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """Return the compiled network of a preset, its images and their labels."""
    train = load("cifar10", "sample", Settings.from_environment()).train
    pixels, labels = train.images[:count].astype("float32"), train.labels[:count].astype("int64")
    model, images = _NETWORKS[preset](), pixels / 255.0
    loss, rate = "sparse_categorical_crossentropy", 1e-3
    if preset in ("cifar10-separable", "cifar10-resnet20"):
        images = (pixels - pixels.mean((0, 1, 2))) / pixels.std((0, 1, 2))
    elif preset == "cifar10-vgg":
        images, rate = (pixels - pixels.mean((0, 1, 2))) / pixels.std((0, 1, 2)), 1e-4
    elif preset == "cifar10-ensemble":
        images, loss = pixels / 225.0, "categorical_crossentropy"
        labels = np.eye(10, dtype="float32")[labels]
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model, images, labels


def main() -> None:
    """Compile and warm up with an epoch; then train one for each line."""
    preset, batch_size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model, images, labels = prepare(preset, count)
    model.fit(images, labels, batch_size=batch_size, epochs=1, verbose=0)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        model.fit(images, labels, batch_size=batch_size, epochs=1, verbose=0)
        print(count / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
