"""The headline of a run, and the positions of its weights."""

import pytest

from cifarviz.experiment.choices import EarlyStopping, NoValidation, SplitValidation
from cifarviz.runs.artifacts import Checkpoint, checkpoint_path, save_arrays
from cifarviz.runs.records import Progress
from cifarviz.runs.run_headline import format_duration, headline, highest_accuracy, last_accuracy
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import WeightsPosition, training_position, weights_position
from cifarviz.settings import Settings
from tests import stored_runs

SPLIT = stored_runs.experiment(validation=SplitValidation(), batch_size=20)
FACTS = {
    "epochs_done": 9, "best_epoch": 4, "best_epoch_val_accuracy": 0.72, "best_val_accuracy": 0.75,
    "best_val_accuracy_epoch": 7, "last_val_accuracy": 0.714,
}  # fmt: skip


def test_each_accuracy_has_its_images_its_epoch_and_its_criterion() -> None:
    run = stored_runs.run_record(SPLIT, **FACTS)
    assert headline(run) == "72.0% validation, epoch 4 (lowest validation loss)"
    assert highest_accuracy(run) == "75.0% validation, epoch 7 (highest validation accuracy)"
    assert last_accuracy(run) == "71.4% validation, epoch 9 (last epoch)"
    by_accuracy = SPLIT.model_copy(update={"monitor": "accuracy"})
    run = stored_runs.run_record(
        by_accuracy, **FACTS | {"best_epoch": 7, "best_epoch_val_accuracy": 0.75}
    )
    assert headline(run) == "75.0% validation, epoch 7 (highest validation accuracy)"
    assert highest_accuracy(run) == ""
    on_test = stored_runs.run_record(stored_runs.experiment(), **FACTS)
    assert headline(on_test) == "72.0% validation (test images), epoch 4 (lowest validation loss)"


def test_without_validation_or_epochs_there_is_no_accuracy() -> None:
    unseen = dict.fromkeys(
        ("best_epoch_val_accuracy", "best_val_accuracy", "last_val_accuracy"), None
    )
    blind = stored_runs.run_record(
        stored_runs.experiment(validation=NoValidation()), **FACTS | unseen
    )
    assert headline(blind) == "epoch 4 (lowest training loss), no validation"
    assert highest_accuracy(blind) == last_accuracy(blind) == ""
    assert headline(stored_runs.run_record(SPLIT, best_epoch=None)) == ""


def test_a_run_with_an_unreadable_experiment_has_a_headline() -> None:
    run = stored_runs.run_record(None, experiment_json='{"format": 99}', **FACTS)
    assert headline(run) == "72.0% validation, epoch 4 (best epoch)"


@pytest.mark.parametrize(
    ("position", "words"),
    [
        (WeightsPosition(0), "before training"),
        (WeightsPosition(3), "after epoch 3"),
        (WeightsPosition(1, 337), "after epoch 1 and 337 steps of epoch 2"),
        (WeightsPosition(0, 1), "after 1 step of epoch 1"),
        (WeightsPosition(2, 1337), "after epoch 2 and 1,337 steps of epoch 3"),
    ],
)
def test_a_position_is_formatted(position: WeightsPosition, words: str) -> None:
    assert str(position) == words


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def keep(store: RunStore, run_id: str, which: Checkpoint, **facts: object) -> None:
    save_arrays(checkpoint_path(store.folder(run_id), which), {}, {"format": 1, **facts})


def test_the_position_of_the_last_weights_is_in_the_checkpoint(store: RunStore) -> None:
    run = stored_runs.store_run(store, SPLIT, state=RunState.STOPPED, epochs=2)
    # 337 batches of 20 images, the last one not full.
    keep(store, run.id, "last", step=357, epochs_done=1, images=6735)
    assert weights_position(store, run, "last") == WeightsPosition(1, 337)
    keep(store, run.id, "last", step=20, epochs_done=2, images=0)
    assert weights_position(store, run, "last") == WeightsPosition(2)
    keep(store, run.id, "best", epoch=1)
    assert weights_position(store, run, "best") == WeightsPosition(1)
    assert weights_position(store, run, 0) == WeightsPosition(0)


def test_restored_weights_have_the_position_of_the_best_epoch(store: RunStore) -> None:
    restoring = EarlyStopping(patience=1, restore_best_weights=True)
    made = SPLIT.model_copy(update={"early_stopping": restoring})
    run = stored_runs.store_run(store, made)
    stored_runs.raise_validation_loss(store, run, 3)
    keep(store, run.id, "last", step=30, epochs_done=3, images=0)
    assert weights_position(store, store.get(run.id), "last") == WeightsPosition(2)


def test_the_training_position_follows_the_progress_reports() -> None:
    progress = Progress("", 2, 15, 10, None, None, 0.0)
    stopped = stored_runs.run_record(state=RunState.STOPPED, epochs_done=1, progress=progress)
    assert training_position(stopped) == WeightsPosition(1, 5)
    finished = stored_runs.run_record(epochs_done=1, progress=progress)
    assert training_position(finished) == WeightsPosition(1)


def test_durations_are_formatted() -> None:
    assert [format_duration(one) for one in (47.6, 448.01, 7800)] == [
        "48 s", "7 min 28 s", "2 h 10 min",
    ]  # fmt: skip
