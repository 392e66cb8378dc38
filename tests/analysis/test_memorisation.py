"""Memorisation of wrong labels, compared with a calculation by hand."""

from pathlib import Path

import numpy as np
import pytest

from cifarviz.analysis.memorisation import (
    LabelPredictions,
    find_positions,
    half_learned_epoch,
    track_labels,
)
from cifarviz.errors import ArtifactDamaged

#                 true  true  false false false
GIVEN = np.array([0, 1, 2, 0, 1])
RIGHT = np.array([0, 1, 1, 2, 0])
EPOCHS = (1, 2, 4)
PREDICTED = np.array(
    [
        [0, 2, 1, 2, 0],  # all wrong labels are seen through
        [0, 1, 2, 2, 1],
        [0, 1, 2, 0, 0],  # the last is forgotten again
    ]
)


def test_memorisation_curves_of_a_small_example() -> None:
    memory = track_labels(GIVEN, RIGHT, EPOCHS, PREDICTED)
    assert memory.epochs.tolist() == [1, 2, 4]
    assert memory.true_known.tolist() == [0.5, 1, 1]
    assert memory.false_known == pytest.approx([0, 2 / 3, 2 / 3])
    assert memory.seen_through == pytest.approx([1, 1 / 3, 1 / 3])
    assert memory.false.tolist() == [2, 3, 4]


def test_learned_is_the_epoch_from_which_on_the_training_label_is_predicted() -> None:
    memory = track_labels(GIVEN, RIGHT, EPOCHS, PREDICTED)
    assert memory.true_learned.tolist() == [1, 2]
    assert memory.false_learned.tolist() == [2, 4, 0]


def test_the_epoch_by_which_half_is_learned() -> None:
    assert half_learned_epoch(np.array([3, 1, 0, 0])) == 3
    assert half_learned_epoch(np.array([3, 1, 9])) == 3
    assert half_learned_epoch(np.array([0, 0, 5])) is None
    assert half_learned_epoch(np.array([], np.int64)) is None


def test_without_images_the_share_is_nan() -> None:
    memory = track_labels(RIGHT, RIGHT, EPOCHS, PREDICTED)
    assert np.isnan(memory.false_known).all()
    assert memory.true_known == pytest.approx([0.8, 0.6, 0.6])


def test_positions_are_found_by_image_number_in_any_order() -> None:
    trained = np.array([30, 10, 20, 40])
    said = [LabelPredictions(np.array([40, 10]), np.array([1, 2])) for _ in range(2)]
    assert find_positions(trained, said, Path("run")).tolist() == [3, 1]


@pytest.mark.parametrize("asked", [[[40, 11]], [[40, 99]], [[40, 10], [40, 20]], [[40, 10], [40]]])
def test_predictions_for_other_images_are_refused(asked: list[list[int]]) -> None:
    said = [LabelPredictions(np.array(one), np.zeros(len(one), np.int64)) for one in asked]
    with pytest.raises(ArtifactDamaged, match="images that it was not trained on"):
        find_positions(np.array([30, 10, 20, 40]), said, Path("run"))
