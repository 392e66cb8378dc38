"""Make the embedded samples of the data sets from the full sets.

    python -m cifarviz data fetch cifar10
    python -m cifarviz data fetch fashion-mnist
    python scripts/make_sample.py [NAME]...

Balanced (500 training and 100 test images per class), drawn with a fixed seed, ordered by index in
the published data set; the same bytes for the same version of Pillow.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cifarviz.data import library, sample
from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.splits import train_validation_split
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.registry import built_in_datasets, find_dataset
from cifarviz.installation import ASSETS
from cifarviz.settings import Settings

TRAIN_PER_CLASS = 500
TEST_PER_CLASS = 100
SEED = 10
# Training images that the published experiments show: nine at random, and the first validation
# image of “fashion-mnist-cnn”.
REQUIRED_TRAIN: Mapping[str, npt.NDArray[np.int64]] = {
    CIFAR10.name: np.random.RandomState(777).randint(50_000, size=9),
    FASHION_MNIST.name: train_validation_split(60_000, 0.2, 42)[1][:1],
}
REQUIRED_TEST = np.arange(10)


def choose(images: ImageSet, per_class: int, required: npt.NDArray[np.int64]) -> ImageSet:
    """Return ``per_class`` images of each class, including the required ones, by index."""
    order = np.random.default_rng(SEED).permutation(len(images))
    order = np.concatenate([required, order[~np.isin(order, required)]])
    chosen = [
        order[images.labels[order] == label][:per_class] for label in np.unique(images.labels)
    ]
    return images.take(np.sort(np.concatenate(chosen)))


def main(names: list[str]) -> None:
    """Write the samples of the named data sets, by default of all, and print their sizes."""
    infos = [find_dataset(name) for name in names] or [
        info for info in built_in_datasets() if info.has_sample
    ]
    for info in infos:
        full = library.load(info, "full", Settings.from_environment())
        small = Dataset(
            info,
            "sample",
            choose(
                full.train, TRAIN_PER_CLASS, REQUIRED_TRAIN.get(info.name, np.empty(0, np.int64))
            ),
            choose(full.test, TEST_PER_CLASS, REQUIRED_TEST),
        )
        folder = ASSETS / info.name
        sample.write(small, folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        counts = f"{len(small.train):,} training, {len(small.test):,} test images"
        print(f"{folder}: {counts}, {size:,} B")


if __name__ == "__main__":
    main(sys.argv[1:])
