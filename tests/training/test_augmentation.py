"""Mirroring and shifting of images, reproducible by the seed."""

from typing import Any

import numpy as np
import tensorflow as tf

from cifarviz.experiment.choices import Augmentation
from cifarviz.training.step import augment

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 8, 6, 3), dtype=np.uint8)
SEED = np.array([3, 10], np.int32)


def augmented(**choices: Any) -> np.ndarray:
    return augment(tf.constant(IMAGES), Augmentation(**choices), tf.constant(SEED)).numpy()


def test_without_augmentation_images_are_unchanged() -> None:
    np.testing.assert_array_equal(augmented(), IMAGES)


def test_about_half_of_the_images_are_mirrored() -> None:
    result = augmented(flip=True)
    mirrored = [(a == b[:, ::-1]).all() for a, b in zip(result, IMAGES, strict=True)]
    left = [(a == b).all() for a, b in zip(result, IMAGES, strict=True)]
    assert all(m or same for m, same in zip(mirrored, left, strict=True))
    assert 15 < sum(mirrored) < 49


def test_shifts_are_limited_and_borders_are_mirrored() -> None:
    result = augmented(shift=2)
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    seen = set()
    for image, around in zip(result, padded, strict=True):
        found = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if (around[y : y + 8, x : x + 6] == image).all()
        ]
        assert found
        seen.add(found[0])
    assert len(seen) > 15
    assert {0, 4} <= {y for y, _ in seen}
    assert {0, 4} <= {x for _, x in seen}


def test_the_seed_and_the_step_decide_the_augmented_images() -> None:
    choices = Augmentation(flip=True, shift=2)
    again = augment(tf.constant(IMAGES), choices, SEED).numpy()
    np.testing.assert_array_equal(augmented(flip=True, shift=2), again)
    later = augment(tf.constant(IMAGES), choices, tf.constant([3, 12], tf.int32)).numpy()
    assert not (later == again).all()
