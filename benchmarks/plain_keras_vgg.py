"""A contender for ``cifar10-fast``: ``cifar10-vgg`` in plain Keras, epoch by epoch.

On all 50,000 training images, as users would write it (benchmarks/plain_keras.py), validated on the
test images. For each line on standard input it trains an epoch and prints the seconds of
``model.fit`` and the test accuracy.

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
    """Load the data and compile; then train an epoch for each line."""
    data = load("cifar10", "full", Settings.from_environment())
    pixels, test_pixels = (part.images.astype("float32") for part in (data.train, data.test))
    mean, deviation = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
    pixels, test_pixels = (pixels - mean) / deviation, (test_pixels - mean) / deviation
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
            validation_data=(test_pixels, test_labels),
            verbose=0,
        )
        seconds = time.perf_counter() - began
        print(seconds, history.history["val_accuracy"][0], flush=True)


if __name__ == "__main__":
    main()
