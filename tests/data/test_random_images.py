"""Random images: the published draw, no repeats, larger counts extend smaller."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarviz.data import sample
from cifarviz.data.image_set import ImageSet
from cifarviz.data.random_images import random_images, random_positions, stratified_positions
from cifarviz.datasets.cifar10 import CIFAR10


def test_the_published_draw_is_reproduced() -> None:
    published = np.random.RandomState(777).randint(50000, size=9)
    assert random_positions(50_000, 9, 777).tolist() == published.tolist()
    assert CIFAR10.published_images is not None
    assert CIFAR10.published_images.indices == tuple(published.tolist())


def test_the_published_nine_are_in_the_sample() -> None:
    train = sample.read(CIFAR10).train
    assert CIFAR10.published_images is not None
    assert len(train.having(CIFAR10.published_images.indices)) == 9


@given(n=st.integers(0, 300), count=st.integers(0, 400), seed=st.integers(0, 2**32 - 1))
def test_as_many_different_positions_as_there_can_be(n: int, count: int, seed: int) -> None:
    drawn = random_positions(n, count, seed)
    assert len(drawn) == len(set(drawn.tolist())) == min(n, count)
    assert all(0 <= position < n for position in drawn)


@given(n=st.integers(1, 300), fewer=st.integers(1, 100), more=st.integers(0, 300))
def test_a_larger_count_keeps_the_images_of_a_smaller_one(n: int, fewer: int, more: int) -> None:
    first = random_positions(n, fewer, 5)
    assert random_positions(n, fewer + more, 5)[: len(first)].tolist() == first.tolist()


def test_another_seed_draws_other_images() -> None:
    assert random_positions(5000, 50, 1).tolist() != random_positions(5000, 50, 2).tolist()


@pytest.mark.parametrize("labels", [(3,), (0, 9)])
def test_only_the_chosen_labels_are_drawn(labels: tuple[int, ...]) -> None:
    images = toy(1000)
    drawn = random_images(images, 80, 1, labels)
    assert len(drawn) == 80
    assert set(images.labels[drawn].tolist()) == set(labels)


def test_labels_that_no_image_has_give_nothing() -> None:
    images = toy(5)
    assert len(random_images(images, 9, 1, (7,))) == 0


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=6),
    count=st.integers(0, 200),
    seed=st.integers(0, 9),
)
def test_a_stratified_draw_has_each_class_as_often_as_all(
    sizes: list[int], count: int, seed: int
) -> None:
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    drawn = stratified_positions(labels, count, seed)
    wanted = min(count, len(labels))
    assert len(drawn) == wanted
    assert np.array_equal(drawn, np.unique(drawn))
    for label, size in enumerate(sizes):
        part = size / max(len(labels), 1)
        # Each class is drawn to the same share, rounded; the roundings of all others, half an
        # image each, add up in a large one.
        most = 0.5 + part * max(len(sizes) - 2, 0) / 2
        assert abs(np.count_nonzero(labels[drawn] == label) - wanted * part) < most + 0.01
    assert set(drawn) <= set(stratified_positions(labels, count + 20, seed))


def toy(count: int) -> ImageSet:
    return ImageSet(
        np.zeros((count, 2, 2, 3), np.uint8),
        (np.arange(count) % 10).astype(np.uint8),
        np.arange(count, dtype=np.int64),
    )
