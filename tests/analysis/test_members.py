import dataclasses

import numpy as np
import pytest

from cifarviz.analysis.members import Member, check_members, common_variant, vote
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, ExperimentInvalid, UnknownFormat
from cifarviz.experiment.choices import Data, EarlyStopping
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.artifacts import Checkpoint, epoch_predictions_path, save_arrays
from cifarviz.runs.log_probabilities import FORMAT, Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs

TEST = ImageSet(np.zeros((3, 32, 32, 3), np.uint8), np.array([1, 0, 2], np.uint8), np.arange(3))


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def trained(store: RunStore, name: str, **fields: object) -> Run:
    run = stored_runs.store_run(store, stored_runs.experiment(**fields), name=name)
    stored_runs.add_checkpoint(store, run)
    return run


def probabilities(right: int) -> np.ndarray:
    found = np.full((3, 10), 0.01, np.float32)
    found[np.arange(3), [1, 0, 2]] = 0.8
    found[right:] = np.roll(found[right:], 1, axis=1)
    return found


def predictions(right: int) -> Predictions:
    return Predictions.from_probabilities(probabilities(right))


def test_runs_and_saved_epochs_vote_together(store: RunStore) -> None:
    first, second = trained(store, "a"), trained(store, "b")
    third = trained(store, "c")
    stored_runs.save_predictions(store, second, 2, probabilities(3), TEST.indices)
    members = [Member(first), Member(third, "best"), Member(second, 2)]
    stored_runs.add_checkpoint(store, third, "best")

    ensemble = vote(
        store, members, TEST, lambda run, which, _: predictions(2 if which == "last" else 3), 10
    )

    assert list(ensemble.member_accuracies) == pytest.approx([2 / 3, 1, 1])
    assert ensemble.soft_accuracy == 1


def test_predictions_of_another_format_are_refused(store: RunStore) -> None:
    first, second = trained(store, "a"), trained(store, "b")
    save_arrays(
        epoch_predictions_path(store.folder(second.id), 2),
        {"probabilities": probabilities(3), "indices": TEST.indices},
        {"format": FORMAT + 1},
    )
    with pytest.raises(UnknownFormat, match="after epoch 2 have format 3"):
        vote(store, [Member(first), Member(second, 2)], TEST, lambda *_: predictions(3), 10)


def test_different_data_sets_are_named(store: RunStore) -> None:
    fashion = stored_runs.store_run(store, PRESETS["fashion-mnist-cnn"].experiment, name="clothes")
    stored_runs.add_checkpoint(store, fashion)
    with pytest.raises(ExperimentInvalid, match="“a” was trained on CIFAR-10 and “clothes” was"):
        check_members(store, [Member(trained(store, "a")), Member(fashion)])


def test_one_run_is_no_ensemble(store: RunStore) -> None:
    with pytest.raises(ExperimentInvalid, match="you chose one"):
        check_members(store, [Member(trained(store, "a"))])
    with pytest.raises(ExperimentInvalid, match="you chose none"):
        check_members(store, [])


def test_the_same_network_does_not_vote_twice(store: RunStore) -> None:
    run = trained(store, "a")
    with pytest.raises(ExperimentInvalid, match="You chose “a” twice"):
        check_members(store, [Member(run), Member(run)])


@pytest.mark.parametrize(("one", "other"), [("last", 3), ("best", 3), ("last", "best")])
def test_the_same_network_does_not_vote_under_two_names(
    store: RunStore, one: Checkpoint, other: Checkpoint | int
) -> None:
    # The stored run has got better to its end, which is after epoch 3.
    run = trained(store, "a")
    with pytest.raises(ExperimentInvalid, match="which is the same network"):
        check_members(store, [Member(run, one), Member(run, other)])


def test_networks_of_one_run_at_different_times_vote_together(store: RunStore) -> None:
    stopped = stored_runs.store_run(
        store, stored_runs.experiment(), name="a", state=RunState.STOPPED
    )
    stored_runs.add_checkpoint(store, stopped)
    # It may have gone on into the fourth epoch.
    check_members(store, [Member(stopped), Member(stopped, 2), Member(stopped, 3)])


def test_restored_weights_are_those_of_the_best_epoch(store: RunStore) -> None:
    run = trained(store, "a", early_stopping=EarlyStopping(patience=1))
    at_its_best = dataclasses.replace(run, best_epoch=2)
    assert Member(at_its_best).same_network(Member(at_its_best, 2))
    assert not Member(at_its_best).same_network(Member(at_its_best, 3))


def test_a_run_that_saved_only_its_best_epoch_is_named(store: RunStore) -> None:
    made = stored_runs.experiment(best_only=True)
    run = stored_runs.store_run(store, made, name="lean")
    stored_runs.add_checkpoint(store, run, "best")
    with pytest.raises(ArtifactMissing, match="“lean” was set to save only the checkpoint"):
        check_members(store, [Member(trained(store, "a")), Member(run)])


def test_a_run_without_weights_is_named(store: RunStore) -> None:
    gone = stored_runs.store_run(store, stored_runs.experiment(), name="gone")
    with pytest.raises(ArtifactMissing, match="“gone” has no weights: their files were removed"):
        check_members(store, [Member(trained(store, "a")), Member(gone)])


def test_an_epoch_that_was_not_saved_is_named(store: RunStore) -> None:
    first, second = trained(store, "a"), trained(store, "b")
    with pytest.raises(ArtifactMissing, match="no saved predictions for epoch 2"):
        vote(store, [Member(first), Member(second, 2)], TEST, lambda *_: predictions(3), 10)


def test_predictions_for_other_images_are_refused(store: RunStore) -> None:
    first, second = trained(store, "a"), trained(store, "b")
    stored_runs.save_predictions(store, second, 2, probabilities(3), TEST.indices + 1)
    with pytest.raises(ArtifactDamaged, match="for other test images"):
        vote(store, [Member(first), Member(second, 2)], TEST, lambda *_: predictions(3), 10)


def test_full_set_and_sample_vote_on_the_samples_images(store: RunStore) -> None:
    full = trained(store, "full", data=Data(variant="full"))
    sample = trained(store, "sample")
    assert common_variant([Member(full)]) == "full"
    assert common_variant([Member(full), Member(sample)]) == "sample"
    with pytest.raises(ExperimentInvalid, match="full test set"):
        check_members(store, [Member(full, 1), Member(sample)])
