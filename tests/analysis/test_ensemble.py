import numpy as np
import pytest

from cifarviz.analysis.ensemble import Ensemble, combine
from cifarviz.errors import ArtifactDamaged
from cifarviz.runs.log_probabilities import Predictions

# Three members, four images, three classes.
SURE_AND_WRONG = [[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.4, 0.6, 0.0]]
UNSURE = [[0.4, 0.5, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.5, 0.1, 0.4]]
OTHER = [[0.3, 0.6, 0.1], [0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.1, 0.0, 0.9]]
LABELS = np.array([0, 1, 2, 2], np.uint8)


@pytest.fixture
def ensemble() -> Ensemble:
    members = [np.array(one, np.float32) for one in (SURE_AND_WRONG, UNSURE, OTHER)]
    return combine(
        [Predictions.from_probabilities(one) for one in members], LABELS, np.array([7, 3, 9, 1])
    )


def test_soft_voting_takes_the_largest_sum_of_probabilities(ensemble: Ensemble) -> None:
    # Image 0: 1.6 against 1.2 though two of three say class 1.
    assert ensemble.soft.tolist() == [0, 1, 1, 2]
    assert ensemble.soft_accuracy == 0.75


def test_majority_voting_breaks_ties_by_the_sum(ensemble: Ensemble) -> None:
    # Images 2 and 3: each member says another class.
    assert ensemble.majority.tolist() == [1, 1, 1, 2]
    assert ensemble.majority_accuracy == 0.5


def test_the_ensemble_is_compared_with_its_best_member(ensemble: Ensemble) -> None:
    assert ensemble.member_accuracies == (0.75, 0.25, 0.5)
    assert ensemble.gain == pytest.approx(0.0)
    assert ensemble.best_member == 0


def test_the_ensemble_is_read_only(ensemble: Ensemble) -> None:
    for array in (
        ensemble.labels,
        ensemble.indices,
        ensemble.probabilities,
        ensemble.members,
        ensemble.soft,
        ensemble.majority,
    ):
        assert not array.flags.writeable


def test_corrected_and_spoiled_images_are_listed(ensemble: Ensemble) -> None:
    assert ensemble.corrected().tolist() == [0, 3]
    assert ensemble.corrected(0).tolist() == [3]
    assert ensemble.spoiled().tolist() == [2]
    assert ensemble.spoiled(1).tolist() == []


def test_the_mean_probabilities_are_a_distribution(ensemble: Ensemble) -> None:
    assert ensemble.mean_probabilities.sum(axis=1) == pytest.approx(np.ones(4))


def test_predictions_that_are_not_numbers_are_refused() -> None:
    broken = np.full((4, 3), np.nan, np.float32)
    with pytest.raises(ArtifactDamaged):
        combine(
            [
                Predictions.from_probabilities(np.array(UNSURE)),
                Predictions.from_probabilities(broken),
            ],
            LABELS,
            np.arange(4),
        )


def test_members_must_predict_the_same_images() -> None:
    with pytest.raises(ValueError, match="members predict arrays of shapes"):
        combine(
            [
                Predictions.from_probabilities(np.array(UNSURE)),
                Predictions.from_probabilities(np.array(OTHER[:3])),
            ],
            LABELS,
            np.arange(4),
        )
