"""Make the embedded sample of CIFAR-10 from the full set.

    python -m cifarviz data fetch cifar10
    python scripts/make_sample.py

Balanced (500 training and 100 test images a class), drawn with a fixed seed, ordered by official
index; the same bytes at every run with the same Pillow.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cifarviz.data import library, sample
from cifarviz.data.datasets import CIFAR10, Dataset, ImageSet
from cifarviz.settings import Settings

TRAIN_A_CLASS = 500
TEST_A_CLASS = 100
SEED = 10
# Those the second reference experiment shows, and the first ten test images.
WANTED_TRAIN = np.random.RandomState(777).randint(50_000, size=9)
WANTED_TEST = np.arange(10)


def choose(images: ImageSet, a_class: int, wanted: npt.NDArray[np.int64]) -> ImageSet:
    """Take so many images of each class, the wanted ones among them, by official index."""
    order = np.random.default_rng(SEED).permutation(len(images))
    order = np.concatenate([wanted, order[~np.isin(order, wanted)]])
    chosen = [order[images.labels[order] == label][:a_class] for label in np.unique(images.labels)]
    return images.take(np.sort(np.concatenate(chosen)))


def main() -> None:
    """Write the sample and say how large it is."""
    full = library.load(CIFAR10, "full", Settings.from_environment())
    small = Dataset(
        CIFAR10,
        "sample",
        choose(full.train, TRAIN_A_CLASS, WANTED_TRAIN),
        choose(full.test, TEST_A_CLASS, WANTED_TEST),
    )
    folder = sample.ASSETS / CIFAR10.name
    sample.write(small, folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {len(small.train):,} training, {len(small.test):,} test images, {size:,} B")


if __name__ == "__main__":
    main()
