"""Two data sets are made of the halves of one's classes."""

from dataclasses import replace

import pytest

from cifarviz.data import library
from cifarviz.data.importing.class_split import ClassSplit
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.settings import Settings


def test_each_half_is_a_data_set_with_all_its_images(settings: Settings) -> None:
    split = ClassSplit(FASHION_MNIST, "sample")
    split.store(settings)
    assert split.is_stored
    whole = library.load(FASHION_MNIST.name, "sample", settings)
    for name, classes in zip((split.first, split.second), split.halves, strict=True):
        half = library.load(name, "full", settings)
        assert sorted(half.info.classes) == sorted(classes)
        assert len(half.train) == len(whole.train) // 2
        assert len(half.test) == len(whole.test) // 2
    assert find_dataset(split.first).title.startswith("Fashion-MNIST: ")
    # Only what is missing is made.
    split.store(settings)


def test_fewer_than_four_classes_are_refused() -> None:
    three = replace(CIFAR10, classes=("a", "b", "c"), translations={})
    with pytest.raises(ExperimentInvalid, match="has 3 classes, and two data sets need four"):
        ClassSplit(three, "sample")
