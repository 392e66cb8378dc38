"""A picture's probabilities and accuracies over the amount of a change."""

import numpy as np
import pytest

from cifarviz.analysis.sweeps import (
    ACCURACY_POINTS,
    SAMPLE,
    accuracy_sample,
    accuracy_sweep,
    sweep,
)
from cifarviz.data.distortions import distort, find_distortion
from cifarviz.data.image_set import ImageSet

PICTURE = np.full((8, 8, 3), 100, np.uint8)
BRIGHTNESS = find_distortion("brightness")


def by_brightness(*limits: float):
    """Return a network whose class is the number of ``limits`` that a picture's mean exceeds."""

    def predict(images: np.ndarray) -> np.ndarray:
        means = images.mean(axis=(1, 2, 3))
        classes = (means[:, None] > np.array(limits)).sum(axis=1)
        return (0.9 * np.eye(len(limits) + 1)[classes] + 0.1 / (len(limits) + 1)).astype(np.float32)

    return predict


def test_flips_are_found_to_the_step_on_both_sides() -> None:
    predict = by_brightness(37.5, 161.5)

    found = sweep(predict, PICTURE, BRIGHTNESS, {})

    # By hand: every step from the neutral amount outwards.
    predicted = {
        amount: predict(distort(PICTURE, {"brightness": amount})[None]).argmax()
        for amount in np.arange(-200, 201, 2).tolist()
    }
    below = max(a for a, one in predicted.items() if a < 0 and one != predicted[0])
    above = min(a for a, one in predicted.items() if a > 0 and one != predicted[0])
    assert [flip.amount for flip in found.flips] == [below, above] == [-64, 62]
    assert found.predicted == 1
    assert [flip.predicted for flip in found.flips] == [0, 2]
    for flip in found.flips:
        expected = distort(PICTURE, {"brightness": flip.amount})
        assert (flip.pixels == expected).all()
        assert (flip.probabilities == predict(expected[None])[0]).all()
    assert {flip.amount for flip in found.flips} < set(found.amounts)
    assert (np.diff(found.amounts) > 0).all()
    assert found.probabilities.shape == (len(found.amounts), 3)
    for amount, row in zip(found.amounts, found.probabilities, strict=True):
        assert (row == predict(distort(PICTURE, {"brightness": amount})[None])[0]).all()


def test_the_other_amounts_are_set_and_its_own_does_not_count() -> None:
    predict = by_brightness(161.5)
    mixed = np.concatenate([np.full((4, 8, 3), 60, np.uint8), np.full((4, 8, 3), 140, np.uint8)])

    flat = sweep(predict, mixed, BRIGHTNESS, {"contrast": 0, "brightness": 200})

    assert [flip.amount for flip in flat.flips] == [62]
    assert np.ptp(flat.flips[0].pixels) == 0


def test_a_network_that_never_changes_its_prediction_has_no_flips() -> None:
    for key in ("brightness", "noise", "jpeg"):
        assert sweep(by_brightness(900), PICTURE, find_distortion(key), {}).flips == ()


def test_changes_with_the_neutral_amount_at_an_end_have_one_side() -> None:
    # Noise on black can only make it lighter.
    black = np.zeros((32, 32, 3), np.uint8)
    (flip,) = sweep(by_brightness(20), black, find_distortion("noise"), {}).flips
    # Half of a normal distribution has the mean σ / √(2π).
    assert flip.amount == pytest.approx(20 * np.sqrt(2 * np.pi), abs=2)


def images(count: int) -> ImageSet:
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, (count, 1, 1, 1)).repeat(8, 1).repeat(8, 2).repeat(3, 3)
    labels = (pixels[:, 0, 0, 0] > 127).astype(np.uint8)
    return ImageSet(pixels.astype(np.uint8), labels, np.arange(count) + 5)


def test_accuracies_are_those_of_one_image_after_the_other() -> None:
    some, predict = images(30), by_brightness(127.5)
    done: list[int] = []

    found = accuracy_sweep(predict, some, find_distortion("noise"), {"brightness": 40}, done.append)

    assert found.images == 30
    assert len(found.amounts) == ACCURACY_POINTS
    for amount, correct in zip(found.amounts.tolist(), found.correct, strict=True):
        one_by_one = sum(
            int(predict(distort(pixels, {"brightness": 40, "noise": amount}, seed=index)[None])
                .argmax() == label)
            for pixels, label, index in zip(
                some.images, some.labels, some.indices.tolist(), strict=True)
        )  # fmt: skip
        assert correct == one_by_one
    assert done == [30 * (i + 1) for i in range(ACCURACY_POINTS)]
    assert found.correct[0] < 30


def test_the_sample_is_always_the_same_and_all_of_a_small_set() -> None:
    first, again = accuracy_sample(images(1000)), accuracy_sample(images(1000))
    assert len(first) == SAMPLE
    assert (first.indices == again.indices).all()
    assert len(np.unique(first.indices)) == SAMPLE
    # From all of the set, which may be sorted by class.
    assert first.indices.max() > 900
    assert accuracy_sample(images(7)).indices.tolist() == list(range(5, 12))
