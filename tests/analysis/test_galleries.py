"""Images ordered by confidence and by epoch."""

from itertools import pairwise

import numpy as np
import pytest

from cifarviz.analysis.galleries import (
    least_confident_correct,
    most_confident_mistakes,
    track_learning,
)

# Says class 0 of every image, ever surer.
PROBABILITIES = np.array([[0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.9, 0.1]])
LABELS = np.array([1, 0, 1, 0])


def test_mistakes_come_most_confident_first_and_correct_images_least() -> None:
    assert most_confident_mistakes(LABELS, PROBABILITIES).tolist() == [2, 0]
    assert least_confident_correct(LABELS, PROBABILITIES).tolist() == [1, 3]


def test_learned_is_the_epoch_from_which_on_an_image_is_always_correct() -> None:
    # Images: right at once; late; never; right in between; forgotten and learned again.
    right = np.array(
        [
            [1, 0, 0, 0, 1],
            [1, 0, 0, 1, 0],
            [1, 1, 0, 0, 1],
        ]
    )
    labels = np.array([3, 3, 3, 3, 3])
    found = track_learning(labels, [1, 2, 4], np.where(right, 3, 5))
    assert found.learned.tolist() == [1, 4, 0, 0, 4]
    assert found.forgotten.tolist() == [0, 0, 0, 1, 1]
    assert found.times_correct.tolist() == [3, 1, 0, 1, 2]
    assert found.learned_late.tolist() == [1, 4]
    assert found.learned_and_forgotten.tolist() == [3]
    assert found.never_learned.tolist() == [2]


def test_in_a_single_epoch_nothing_is_forgotten() -> None:
    found = track_learning(np.array([0, 1]), [7], np.array([[0, 0]]))
    assert found.learned.tolist() == [7, 0]
    assert found.forgotten.tolist() == [0, 0]
    assert not len(found.learned_late)
    assert not len(found.learned_and_forgotten)
    assert found.never_learned.tolist() == [1]


def test_by_brute_force_for_random_histories() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 60)
    said = random.integers(0, 3, (6, 60))
    epochs = [1, 2, 3, 5, 8, 13]
    found = track_learning(labels, epochs, said)
    late, lost, never = [], [], []
    for image in range(60):
        right = [bool(row[image] == labels[image]) for row in said]
        expected = next((epochs[at] for at in range(6) if all(right[at:])), 0)
        assert found.learned[image] == expected
        lost_times = sum(before and not after for before, after in pairwise(right))
        assert found.forgotten[image] == lost_times
        assert found.times_correct[image] == right.count(True)
        if not any(right):
            never.append(image)
        elif not right[-1]:
            lost.append((-right.count(True), -lost_times, image))
        elif not all(right):
            late.append((-expected, image))
    # Stable: what is alike stays in the images' order.
    assert found.learned_late.tolist() == [image for *_, image in sorted(late)]
    assert found.learned_and_forgotten.tolist() == [image for *_, image in sorted(lost)]
    assert found.never_learned.tolist() == never
    assert all((late, lost, never))


def test_epochs_and_rows_must_fit() -> None:
    with pytest.raises(ValueError, match="2 epochs"):
        track_learning(LABELS, [1, 2], np.zeros((3, 4), np.int64))
    with pytest.raises(ValueError, match="0 epochs"):
        track_learning(LABELS, [], np.zeros((0, 4), np.int64))
