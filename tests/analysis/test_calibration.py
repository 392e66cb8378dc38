"""Calibration: known examples, and the published formulas."""

import numpy as np
import pytest

from cifarviz.analysis.calibration import compute_calibration, top_accuracy


def two_classes(sure: list[float]) -> np.ndarray:
    """Each says class 0, as surely as this."""
    first = np.array(sure, np.float32)
    return np.stack([first, 1 - first], axis=1)


def test_calibration_of_a_known_example() -> None:
    # Four images at 90 %, three right; one at 65 %, wrong.
    found = compute_calibration(
        np.array([0, 0, 0, 1, 1]), two_classes([0.9, 0.9, 0.9, 0.9, 0.65]), bins=10
    )
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 4, 0]
    assert found.accuracy[8] == 0.75
    assert found.confidence[8] == pytest.approx(0.9)
    assert found.error == pytest.approx((4 * 0.15 + 1 * 0.65) / 5)
    assert np.isnan(found.accuracy[0])


def test_a_perfectly_calibrated_network_has_no_error() -> None:
    sure = np.repeat([0.55, 0.75, 0.95], 20)
    right = np.concatenate([np.arange(20) < 20 * share for share in (0.55, 0.75, 0.95)])
    found = compute_calibration(np.where(right, 0, 1), two_classes(list(sure)))
    assert found.error == pytest.approx(0, abs=1e-6)


def test_the_error_follows_its_definition_for_random_predictions() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(500, 10))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = random.integers(0, 10, 500)
    by_definition = 0.0
    for lower in np.arange(15) / 15:
        sure = probabilities.max(axis=1)
        inside = (sure > lower) & (sure <= lower + 1 / 15)
        if inside.any():
            right = (probabilities.argmax(axis=1) == labels)[inside]
            by_definition += inside.sum() / 500 * abs(right.mean() - sure[inside].mean())
    assert compute_calibration(labels, probabilities).error == pytest.approx(by_definition)


def test_confidence_one_is_in_the_last_bin() -> None:
    found = compute_calibration(np.zeros(3, np.int64), two_classes([1.0, 1.0, 1.0]))
    assert found.counts.tolist() == [0] * 14 + [3]
    assert found.error == 0


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        compute_calibration(np.empty(0, np.int64), np.empty((0, 2)))


def test_top_accuracy_counts_the_most_probable_classes() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    labels = np.array([0, 1, 2])
    assert [top_accuracy(labels, probabilities, k) for k in (1, 2)] == [1 / 3, 2 / 3]
