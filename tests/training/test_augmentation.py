"""Flips and shifts change what they should, and the same way again."""

from typing import Any

import numpy as np
import tensorflow as tf

from cifarviz.experiment.choices import Augmentation
from cifarviz.training.step import augment

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 8, 6, 3), dtype=np.uint8)
SEED = np.array([3, 10], np.int32)


def augmented(**choices: Any) -> np.ndarray:
    return augment(tf.constant(IMAGES), Augmentation(**choices), tf.constant(SEED)).numpy()


def test_nothing_chosen_nothing_changed() -> None:
    np.testing.assert_array_equal(augmented(), IMAGES)


def test_about_half_are_mirrored_and_the_rest_left_alone() -> None:
    result = augmented(flip=True)
    mirrored = [(a == b[:, ::-1]).all() for a, b in zip(result, IMAGES, strict=True)]
    left = [(a == b).all() for a, b in zip(result, IMAGES, strict=True)]
    assert all(m or same for m, same in zip(mirrored, left, strict=True))
    assert 15 < sum(mirrored) < 49


def test_every_image_is_moved_by_at_most_so_many_pixels_and_mirrored_at_the_border() -> None:
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


def test_the_same_seed_gives_the_same_images_and_the_next_step_others() -> None:
    choices = Augmentation(flip=True, shift=2)
    again = augment(tf.constant(IMAGES), choices, SEED).numpy()
    np.testing.assert_array_equal(augmented(flip=True, shift=2), again)
    later = augment(tf.constant(IMAGES), choices, tf.constant([3, 12], tf.int32)).numpy()
    assert not (later == again).all()
