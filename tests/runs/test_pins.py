"""Pinned images: a default selection, then the user's."""

import pytest

from cifarviz.data import sample
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import RunError
from cifarviz.runs.pins import MAX_PINNED, pin, pinned_images, save_preference, unpin
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings


@pytest.mark.parametrize("info", [CIFAR10, FASHION_MNIST], ids=lambda info: info.name)
def test_default_pinned_images_are_in_the_sample_and_of_many_classes(
    store: RunStore, info: DatasetInfo
) -> None:
    test = sample.read(info).test
    pins = pinned_images(store, info)
    assert len(pins) == MAX_PINNED
    shown = test.having(pins)
    assert tuple(shown.indices) == pins
    assert len(set(shown.labels.tolist())) >= MAX_PINNED - 1
    assert sample.read(info).test.having(info.one_of_each).labels.tolist() == list(range(10))


def test_pinned_images_are_remembered(store: RunStore, settings: Settings) -> None:
    first = pinned_images(store, CIFAR10)
    unpin(store, CIFAR10, first[2])
    pin(store, CIFAR10, 4711)
    pin(store, CIFAR10, 4711)
    expected = (*first[:2], *first[3:], 4711)
    assert pinned_images(RunStore(settings), CIFAR10) == expected
    assert pinned_images(store, FASHION_MNIST)[1:] == FASHION_MNIST.one_of_each[: MAX_PINNED - 1]


def test_at_most_eight_images_can_be_pinned(store: RunStore) -> None:
    before = pinned_images(store, CIFAR10)
    with pytest.raises(RunError, match="Unpin an image first"):
        pin(store, CIFAR10, 9999)
    assert pinned_images(store, CIFAR10) == before


def test_all_images_can_be_unpinned(store: RunStore) -> None:
    for image in pinned_images(store, CIFAR10):
        unpin(store, CIFAR10, image)
    assert pinned_images(store, CIFAR10) == ()


@pytest.mark.parametrize("nonsense", ["x", {"a": 1}, ["x", 3.5, -1, 10_000, 7, 7]])
def test_invalid_stored_pins_are_ignored(store: RunStore, nonsense: object) -> None:
    save_preference(store, "pins cifar10", nonsense)
    expected = (7,) if isinstance(nonsense, list) else pinned_images(store, CIFAR10)
    assert pinned_images(store, CIFAR10) == expected
