"""The counterpart of ``cifar10-fast``: ``cifar10-vgg`` by plain Keras, epoch by epoch.

On all 50,000 training images, as a person would write it (benchmarks/plain_keras.py), with the
test images for validation. For each line on standard input it trains an epoch and prints the
seconds of ``model.fit``; the test accuracy follows on the same line.

    python -m benchmarks.plain_keras_vgg
"""

import sys
import time

import keras

from benchmarks.plain_keras import vgg
from cifarviz.data.library import load
from cifarviz.settings import Settings

_BATCH_SIZE = 32


def main() -> None:
    """Read the data and compile; then an epoch for each line that comes in."""
    data = load("cifar10", "full", Settings.from_environment())
    pixels, tested = (part.images.astype("float32") for part in (data.train, data.test))
    mean, deviation = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
    pixels, tested = (pixels - mean) / deviation, (tested - mean) / deviation
    labels, test_labels = (part.labels.astype("int64") for part in (data.train, data.test))
    model = vgg()
    model.compile(
        keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        history = model.fit(
            pixels,
            labels,
            batch_size=_BATCH_SIZE,
            epochs=1,
            validation_data=(tested, test_labels),
            verbose=0,
        )
        seconds = time.perf_counter() - began
        print(seconds, history.history["val_accuracy"][0], flush=True)


if __name__ == "__main__":
    main()
