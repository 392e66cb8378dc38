"""Each random change to images, held against numpy, and reproducible by the seed."""

import hashlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from cifarviz.data.statistics import channel_mean_std
from cifarviz.experiment.choices import Augmentation
from cifarviz.training.augmentation import (
    AlternatingFlip,
    augment,
    change_colors,
    color_matrices,
    mix,
    mix_by,
    mixed_targets,
    rotate,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 8, 6, 3), dtype=np.uint8)
SEED = np.array([3, 10], np.int32)


COVER = np.array([10.0, 20, 30])
EVERYTHING = Augmentation(
    flip=True, shift=2, rotation=20, zoom=0.2, brightness=0.2, contrast=0.4, saturation=0.5, hue=30,
    cutout=3, mixup=0.4, cutmix=1,
)  # fmt: skip
GREY = EVERYTHING.model_copy(update={"saturation": 0, "hue": 0})


def augmented(**choices: Any) -> np.ndarray:
    return augment(tf.constant(IMAGES), Augmentation(**choices), tf.constant(SEED), COVER).numpy()


def test_without_augmentation_images_are_unchanged() -> None:
    np.testing.assert_array_equal(augmented(), IMAGES)


def test_about_half_of_the_images_are_mirrored() -> None:
    result = augmented(flip=True)
    mirrored = [(a == b[:, ::-1]).all() for a, b in zip(result, IMAGES, strict=True)]
    left = [(a == b).all() for a, b in zip(result, IMAGES, strict=True)]
    assert all(m or same for m, same in zip(mirrored, left, strict=True))
    assert 15 < sum(mirrored) < 49


def test_each_image_is_mirrored_in_every_second_epoch() -> None:
    turn = AlternatingFlip(5, len(IMAGES))
    positions = tf.range(len(IMAGES))
    sides = [turn(positions, tf.constant(epoch)).numpy() for epoch in range(3)]
    assert 15 < sides[0].sum() < 49
    np.testing.assert_array_equal(sides[1], ~sides[0])
    np.testing.assert_array_equal(sides[2], sides[0])
    # By position in the training images, whatever the batch.
    np.testing.assert_array_equal(turn([7, 3], 1), sides[1][[7, 3]])
    assert (AlternatingFlip(6, len(IMAGES))(positions, 0).numpy() != sides[0]).any()
    choices = Augmentation(alternating_flip=True)
    result = augment(tf.constant(IMAGES), choices, SEED, mirrored=tf.constant(sides[0])).numpy()
    for image, source, mirrored in zip(result, IMAGES, sides[0], strict=True):
        np.testing.assert_array_equal(image, source[:, ::-1] if mirrored else source)


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


@pytest.mark.parametrize(
    ("choices", "digest"),
    [
        ({"flip": True}, "43859be9ea35d12f"),
        ({"shift": 2}, "b395c487232486f0"),
        ({"flip": True, "shift": 3}, "aba5c0ac8a67b4a8"),
    ],
)
def test_flip_and_shift_are_those_of_earlier_versions(choices: Any, digest: str) -> None:
    """Resumed and forked runs see the images that their first epochs would have."""
    result = augmented(**choices)
    assert result.dtype == np.uint8
    assert hashlib.sha256(result.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("quarters", [0, 1, 2, 3, 4])
def test_quarter_turns_are_those_of_numpy(quarters: int) -> None:
    square = IMAGES[:5, :6]
    angles = tf.fill((5,), np.float32(quarters * np.pi / 2))
    turned = rotate(tf.constant(square), angles, tf.ones(5)).numpy()
    expected = np.rot90(square, quarters, axes=(1, 2))
    np.testing.assert_allclose(turned, expected, atol=0.01)


def test_zoom_enlarges_about_the_centre_and_mirrors_the_border() -> None:
    rows, columns = np.mgrid[:9, :7].astype(np.float32)
    ramp = tf.constant(np.stack([10 * rows, 20 * columns], -1)[None])
    large = rotate(ramp, tf.zeros(1), tf.constant([2.0])).numpy()[0]
    np.testing.assert_allclose(large[..., 0], 10 * (4 + (rows - 4) / 2), atol=1e-4)
    np.testing.assert_allclose(large[..., 1], 20 * (3 + (columns - 3) / 2), atol=1e-4)
    small = rotate(ramp, tf.zeros(1), tf.constant([0.5])).numpy()[0]
    mirrored = [4, 2, 0, 2, 4, 6, 8, 6, 4]
    np.testing.assert_allclose(small[:, 0, 0], [10 * row for row in mirrored], atol=1e-4)


def test_angles_and_zooms_stay_within_their_limits() -> None:
    """A dot beside the centre says how far it was turned, and how far away it is."""
    dots = np.zeros((300, 65, 65, 1), np.float32)
    rows, columns = np.mgrid[-32:33, -32:33]
    dots += np.exp(-((columns - 10) ** 2 + rows**2) / 8)[None, ..., None]
    choices = Augmentation(rotation=40, zoom=0.5)
    changed = augment(tf.constant(dots), choices, tf.constant(SEED)).numpy()[..., 0]
    # Without what is mirrored from beyond the border.
    changed[:, (abs(rows) > 22) | (abs(columns) > 22)] = 0
    mass = changed.sum((1, 2))
    x, y = (changed * columns).sum((1, 2)) / mass, (changed * rows).sum((1, 2)) / mass
    angles, distances = np.degrees(np.arctan2(-y, x)), np.hypot(x, y) / 10
    assert (angles.min(), angles.max()) == pytest.approx((-40, 40), abs=2)
    assert (distances.min(), distances.max()) == pytest.approx((0.5, 1.5), abs=0.05)


def test_brightness_adds_a_value_to_all_pixels_of_an_image() -> None:
    grey = np.clip(IMAGES, 100, 150)
    changed = augment(tf.constant(grey), Augmentation(brightness=0.3), tf.constant(SEED)).numpy()
    added = changed - grey
    assert np.ptp(added, axis=(1, 2, 3)).max() < 1e-3
    assert (added.min(), added.max()) == pytest.approx((-76.5, 76.5), abs=8)
    bright = augmented(brightness=1)
    assert (bright.min(), bright.max()) == (0, 255)


def test_contrast_multiplies_the_distance_from_the_mean_of_the_image() -> None:
    pixels = np.clip(IMAGES, 100, 150)
    changed = augment(tf.constant(pixels), Augmentation(contrast=0.5), tf.constant(SEED)).numpy()
    means = pixels.mean((1, 2, 3), keepdims=True)
    factors = (changed - means).std((1, 2, 3)) / pixels.std((1, 2, 3))
    expected = means + factors[:, None, None, None] * (pixels - means)
    np.testing.assert_allclose(changed, expected, atol=1e-2)
    assert (factors.min(), factors.max()) == pytest.approx((0.5, 1.5), abs=0.06)


def test_saturation_moves_colours_to_the_grey_of_their_luma() -> None:
    matrices = color_matrices(tf.fill((64,), 0.25), tf.zeros(64))
    pixels = np.clip(IMAGES, 60, 200)
    changed = change_colors(tf.constant(pixels), tf.ones(64), tf.zeros(64), matrices).numpy()
    grey = (pixels @ np.array([0.299, 0.587, 0.114]))[..., None]
    np.testing.assert_allclose(changed, grey + 0.25 * (pixels - grey), atol=1e-2)


def test_a_third_of_the_colour_wheel_swaps_the_channels() -> None:
    turn = tf.fill((64,), np.float32(2 * np.pi / 3))
    matrices = color_matrices(tf.ones(64), turn)
    changed = change_colors(tf.constant(IMAGES), tf.ones(64), tf.zeros(64), matrices).numpy()
    # Red becomes green, green blue, and blue red.
    np.testing.assert_allclose(changed, IMAGES[..., [2, 0, 1]], atol=1e-2)


def test_saturation_changes_before_hue() -> None:
    pixels = np.broadcast_to(np.array([160, 110, 90], np.uint8), (1, 2, 2, 3))
    ones, half = tf.ones(1), tf.fill((1,), np.float32(1.5))
    third = tf.fill((1,), np.float32(2 * np.pi / 3))
    together = change_colors(tf.constant(pixels), ones, tf.zeros(1), color_matrices(half, third))
    grey = pixels[0, 0, 0] @ np.array([0.299, 0.587, 0.114])
    saturated = grey + 1.5 * (pixels - grey)
    # A third of the wheel swaps the channels, and with them their shares of the luma.
    np.testing.assert_allclose(together.numpy(), saturated[..., [2, 0, 1]], atol=1e-2)


def test_colours_change_within_their_limits_and_greys_do_not() -> None:
    grey = np.repeat(IMAGES[..., :1], 3, axis=3)
    changed = augment(tf.constant(grey), Augmentation(saturation=1, hue=180), tf.constant(SEED))
    np.testing.assert_allclose(changed.numpy(), grey, atol=1e-2)
    red = np.full((200, 2, 2, 3), (150, 100, 100), np.uint8)
    changed = augment(tf.constant(red), Augmentation(hue=60), tf.constant(SEED)).numpy()[:, 0, 0]
    across = changed - changed.mean(1, keepdims=True)
    angles = np.degrees(
        np.arctan2(np.sqrt(3) / 2 * (across[:, 1] - across[:, 2]), 1.5 * across[:, 0])
    )
    assert (angles.min(), angles.max()) == pytest.approx((-60, 60), abs=2)


def test_cutout_covers_a_square_inside_the_image_with_the_mean_colour() -> None:
    cover = channel_mean_std(IMAGES)[0]
    np.testing.assert_allclose(cover, IMAGES.reshape(-1, 3).mean(0), rtol=1e-6)
    choices = Augmentation(cutout=4)
    changed = augment(tf.constant(IMAGES), choices, tf.constant(SEED), cover).numpy()
    tops = set()
    for before, after in zip(IMAGES, changed, strict=True):
        covered = (after != before).any(2)
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        expected = before.astype(np.float32)
        expected[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = cover
        np.testing.assert_array_equal(after, expected)
        for found, size in ((rows, 8), (columns, 6)):
            # Smaller only where it is cut by the border.
            assert len(found) == 4 or (len(found) in (2, 3) and {0, size - 1} & {*found})
        tops.add(int(rows[0]))
    assert tops == {0, 1, 2, 3, 4, 5}


def test_mixup_blends_each_image_and_label_with_the_one_before() -> None:
    images, shares = mix(tf.constant(IMAGES), Augmentation(mixup=0.4), tf.constant(SEED))
    share = shares.numpy()
    before = np.roll(IMAGES, 1, axis=0)
    weights = share[:, None, None, None]
    np.testing.assert_allclose(images, weights * IMAGES + (1 - weights) * before, atol=1e-2)
    assert ((share >= 0) & (share <= 1)).all()
    labels = np.arange(64) % 5
    targets = mixed_targets(tf.constant(labels), shares, 5).numpy()
    expected = np.zeros((64, 5))
    for i in range(64):
        expected[i, labels[i]] += share[i]
        expected[i, labels[i - 1]] += 1 - share[i]
    np.testing.assert_allclose(targets, expected, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.01, 0.2, 1.0, 4.0])
def test_shares_of_mixup_have_the_moments_of_the_beta_distribution(alpha: float) -> None:
    many = tf.zeros((20_000, 1, 1, 1))
    shares = mix(many, Augmentation(mixup=alpha), tf.constant(SEED)).shares.numpy()
    assert np.isfinite(shares).all()
    # Where numbers are too small for float32, an image stays as it is: a share of 1 instead of 0.
    if alpha > 0.1:
        assert shares.mean() == pytest.approx(0.5, abs=0.01)
    spread = (shares * (1 - shares)).mean()
    assert spread == pytest.approx(0.25 - 1 / (4 * (2 * alpha + 1)), abs=0.005)


def test_cutmix_pastes_a_rectangle_and_mixes_labels_by_its_area() -> None:
    images, shares = mix(tf.constant(IMAGES), Augmentation(cutmix=1), tf.constant(SEED))
    before = np.roll(IMAGES, 1, axis=0)
    for i, (mixed, share) in enumerate(zip(images.numpy(), shares.numpy(), strict=True)):
        pasted = (mixed != IMAGES[i]).any(2)
        if not pasted.any():
            assert share == 1
            continue
        rows, columns = np.flatnonzero(pasted.any(1)), np.flatnonzero(pasted.any(0))
        expected = IMAGES[i].astype(np.float32)
        inside = np.ix_(np.arange(rows[0], rows[-1] + 1), np.arange(columns[0], columns[-1] + 1))
        expected[inside] = before[i][inside]
        np.testing.assert_array_equal(mixed, expected)
        assert share == pytest.approx(1 - len(rows) * len(columns) / 48, abs=1e-6)
    assert shares.numpy().std() > 0.1


def test_with_mixup_and_cutmix_each_image_gets_one_of_them() -> None:
    both = Augmentation(mixup=1, cutmix=1)
    images, shares = mix(tf.constant(IMAGES), both, tf.constant(SEED))
    before = np.roll(IMAGES, 1, axis=0)
    weights = shares.numpy()[:, None, None, None]
    blended = np.isclose(images, weights * IMAGES + (1 - weights) * before, atol=1e-2)
    pasted = (images.numpy() == IMAGES) | (images.numpy() == before)
    is_mixup, is_cutmix = blended.all((1, 2, 3)), pasted.all((1, 2, 3))
    assert (is_mixup | is_cutmix).all()
    assert 15 < is_mixup.sum() < 49


def test_a_single_image_is_mixed_with_itself() -> None:
    images, shares = mix(tf.constant(IMAGES[:1]), EVERYTHING, tf.constant(SEED))
    np.testing.assert_allclose(images, IMAGES[:1], atol=1e-3)
    targets = mixed_targets(tf.constant([2]), shares, 3)
    np.testing.assert_allclose(targets, [[0, 0, 1]], atol=1e-6)
    half = tf.constant([0.5])
    rectangle = tf.constant([[0], [4], [0], [6]])
    assert mix_by(tf.constant(IMAGES[:1]), half, rectangle).shares.numpy() == pytest.approx([0.25])


@pytest.mark.parametrize(
    ("shape", "choices"),
    [
        ((16, 32, 32, 3), EVERYTHING),
        ((16, 28, 28, 1), GREY),
        ((9, 20, 13, 3), EVERYTHING),
        ((1, 5, 5, 1), GREY),
        ((3, 1, 4, 1), GREY.model_copy(update={"shift": 0})),
    ],
)
def test_images_of_any_shape_repeat_by_seed_and_step(shape: Any, choices: Augmentation) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    cover = channel_mean_std(pixels)[0]

    def changed(seed: list[int]) -> np.ndarray:
        parts = augment(tf.constant(pixels), choices, tf.constant(seed), cover)
        return mix(parts, choices, tf.constant(seed)).images.numpy()

    first, again, later, other = map(changed, ([3, 10], [3, 10], [3, 12], [4, 10]))
    assert first.shape == shape
    assert np.isfinite(first).all()
    assert (first >= -0.01).all()
    assert (first <= 255.01).all()
    np.testing.assert_array_equal(first, again)
    assert (first != later).any()
    assert (first != other).any()


def test_a_change_that_is_added_leaves_the_others_as_they_were() -> None:
    alone = augmented(rotation=30)
    both = augmented(rotation=30, brightness=0.1)
    differences = np.round(both - alone, 2)
    inside = (both > 0) & (both < 255)
    for image, shown in zip(differences, inside, strict=True):
        assert np.ptp(image[shown]) < 0.1
