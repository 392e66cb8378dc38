import numpy as np
import pytest

from cifarviz.analysis.members import Member, check_members, common_variant, vote
from cifarviz.data.datasets import ImageSet
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.choices import Data
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.artifacts import answers_path, save_arrays
from cifarviz.runs.records import Run
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


def answers(right: int) -> np.ndarray:
    found = np.full((3, 10), 0.01, np.float32)
    found[np.arange(3), [1, 0, 2]] = 0.8
    found[right:] = np.roll(found[right:], 1, axis=1)
    return found


def test_runs_and_kept_epochs_vote_together(store: RunStore) -> None:
    first, second = trained(store, "a"), trained(store, "b")
    save_arrays(
        answers_path(store.folder(second.id), 2),
        {"probabilities": answers(3), "indices": TEST.indices},
    )
    members = [Member(first), Member(first, "best"), Member(second, 2)]
    stored_runs.add_checkpoint(store, first, "best")

    ensemble = vote(
        store, members, TEST, lambda run, which, _: answers(2 if which == "last" else 3), 10
    )

    assert ensemble.names == ("a", "a, best epoch", "b, epoch 2")
    assert list(ensemble.member_accuracies) == pytest.approx([2 / 3, 1, 1])
    assert ensemble.soft_accuracy == 1


def test_different_data_sets_are_named(store: RunStore) -> None:
    fashion = stored_runs.store_run(store, PRESETS["fashion-mnist-cnn"].experiment, name="clothes")
    stored_runs.add_checkpoint(store, fashion)
    with pytest.raises(ExperimentInvalid, match="“a” CIFAR-10 and “clothes” Fashion-MNIST"):
        check_members(store, [Member(trained(store, "a")), Member(fashion)])


def test_one_run_is_no_ensemble(store: RunStore) -> None:
    with pytest.raises(ExperimentInvalid, match="one was chosen"):
        check_members(store, [Member(trained(store, "a"))])
    with pytest.raises(ExperimentInvalid, match="none were chosen"):
        check_members(store, [])


def test_the_same_network_does_not_vote_twice(store: RunStore) -> None:
    run = trained(store, "a")
    with pytest.raises(ExperimentInvalid, match="“a” was chosen twice"):
        check_members(store, [Member(run), Member(run)])


def test_a_run_whose_weights_are_gone_is_named(store: RunStore) -> None:
    gone = stored_runs.store_run(store, stored_runs.experiment(), name="gone")
    with pytest.raises(ArtifactMissing, match="weights of “gone” are not there"):
        check_members(store, [Member(trained(store, "a")), Member(gone)])


def test_an_epoch_that_was_not_kept_is_named(store: RunStore) -> None:
    first, second = trained(store, "a"), trained(store, "b")
    with pytest.raises(ArtifactMissing, match="no answers after epoch 2"):
        vote(store, [Member(first), Member(second, 2)], TEST, lambda *_: answers(3), 10)


def test_answers_about_other_images_are_refused(store: RunStore) -> None:
    first, second = trained(store, "a"), trained(store, "b")
    save_arrays(
        answers_path(store.folder(second.id), 2),
        {"probabilities": answers(3), "indices": TEST.indices + 1},
    )
    with pytest.raises(ArtifactDamaged, match="not about these test images"):
        vote(store, [Member(first), Member(second, 2)], TEST, lambda *_: answers(3), 10)


def test_full_and_sample_meet_on_the_samples_images(store: RunStore) -> None:
    full = trained(store, "full", data=Data(variant="full"))
    sample = trained(store, "sample")
    assert common_variant([Member(full)]) == "full"
    assert common_variant([Member(full), Member(sample)]) == "sample"
    with pytest.raises(ExperimentInvalid, match="full test set"):
        check_members(store, [Member(full, 1), Member(sample)])
