"""Early stopping, checkpoints and saved predictions, also in interrupted runs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.errors import StorageFull
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import EarlyStopping, TestValidation
from cifarviz.experiment.optimizers import Adam
from cifarviz.network.inference import log_probability_batches
from cifarviz.runs.artifacts import Checkpoint, checkpoint_path, epoch_predictions_path, load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import checkpoint_stamp, load_checkpoint_predictions
from cifarviz.settings import Settings
from cifarviz.training import engine
from cifarviz.training.recorder import Recorder
from cifarviz.training.step import TrainingStep

TrainRun = Callable[..., Run]

# A learning rate so large that the validation loss goes up and down.
BUMPY: dict[str, Any] = {"optimizer": Adam(learning_rate=0.03), "epochs": 12}
PATIENT = EarlyStopping(patience=2)


def history(store: RunStore, run: Run) -> list[tuple[float | None, ...]]:
    return [tuple(epoch)[:-1] for epoch in store.epochs(run.id)]


def arrays(store: RunStore, run: Run, which: Checkpoint) -> dict[str, np.ndarray]:
    return load_arrays(checkpoint_path(store.folder(run.id), which))[0]


def weights(store: RunStore, run: Run, which: Checkpoint) -> dict[str, np.ndarray]:
    found = arrays(store, run, which)
    return {name: array for name, array in found.items() if name.startswith("model/")}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def expected_end(losses: list[float], patience: int) -> tuple[int, int]:
    """The best epoch and the one after which Keras stops, said another way than in the engine."""
    best, waited = 0, 0
    for number, loss in enumerate(losses, start=1):
        if best == 0 or loss < losses[best - 1]:
            best, waited = number, 0
        else:
            waited += 1
        if waited == patience:
            return best, number
    raise AssertionError("this history never stops; choose another")


def test_a_run_stops_early_and_restores_its_best_weights(worker: Worker, trained: TrainRun) -> None:
    whole = trained(**BUMPY)
    losses = [epoch.val_loss or 0.0 for epoch in worker.store.epochs(whole.id)]
    best, last = expected_end(losses, 2)
    assert 1 < best < last < 12  # or the test would say little
    run = trained(**BUMPY, early_stopping=PATIENT)
    assert (run.state, run.epochs_done) == (RunState.FINISHED, last)
    assert (run.stopped_early, run.best_epoch) == (last, best)
    assert run.message == (
        f"Stopped early after epoch {last}: no better validation loss than in epoch {best} for "
        "2 epochs."
    )
    assert history(worker.store, run) == history(worker.store, whole)[:last]
    assert_same(weights(worker.store, run, "last"), weights(worker.store, run, "best"))
    # They are those the run had after that epoch, not later ones under another name.
    there = trained(**{**BUMPY, "epochs": best})
    assert_same(weights(worker.store, run, "best"), weights(worker.store, there, "last"))


def test_without_restoring_the_last_weights_are_used(worker: Worker, trained: TrainRun) -> None:
    stopping = EarlyStopping(patience=1, restore_best_weights=False)
    run = trained(**BUMPY, early_stopping=stopping)
    assert run.stopped_early is not None
    there = trained(**{**BUMPY, "epochs": run.stopped_early})
    assert_same(arrays(worker.store, run, "last"), arrays(worker.store, there, "last"))


def test_a_run_that_was_not_stopped_early_restores_its_best_weights(
    worker: Worker, trained: TrainRun
) -> None:
    run = trained(**{**BUMPY, "epochs": 6}, early_stopping=EarlyStopping(patience=5))
    assert (run.epochs_done, run.stopped_early, run.message) == (6, None, None)
    assert run.best_epoch is not None
    assert run.best_epoch < 6
    assert_same(weights(worker.store, run, "last"), weights(worker.store, run, "best"))


def test_an_interrupted_run_stops_early_at_the_same_epoch(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {**BUMPY, "early_stopping": PATIENT}
    whole = trained(**fields)
    assert whole.stopped_early is not None
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "enter", _stopping_in_epoch(worker, whole.stopped_early))
        patch.setattr("cifarviz.training.recorder.POLL_SECONDS", 0.0)
        cut = trained(**fields)
    assert cut.state is RunState.STOPPED
    assert cut.epochs_done == whole.stopped_early - 1
    resumed = worker.wait(worker.resume(cut.id).id)
    assert resumed.stopped_early == whole.stopped_early
    assert resumed.message == whole.message
    assert history(worker.store, resumed) == history(worker.store, whole)
    assert_same(arrays(worker.store, resumed, "last"), arrays(worker.store, whole, "last"))


def test_a_run_interrupted_after_its_last_epoch_only_restores_its_best_weights(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_state: object) -> None:
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "restore_best", full)
        run = trained(**BUMPY, early_stopping=PATIENT)
    assert (run.state, run.message) == (RunState.FAILED, "The disk is full.")
    before = history(worker.store, run)
    resumed = worker.wait(worker.resume(run.id).id)
    assert resumed.state is RunState.FINISHED
    assert resumed.stopped_early == len(before)
    assert history(worker.store, resumed) == before
    assert_same(weights(worker.store, run, "last"), weights(worker.store, run, "best"))


def test_the_monitor_decides_the_best_checkpoint(worker: Worker, trained: TrainRun) -> None:
    run = trained(**{**BUMPY, "epochs": 8}, monitor="accuracy", validation=TestValidation())
    epochs = worker.store.epochs(run.id)
    by_accuracy = max(epochs, key=lambda epoch: epoch.val_accuracy or 0).epoch
    by_loss = min(epochs, key=lambda epoch: epoch.val_loss or 9).epoch
    assert by_accuracy != by_loss  # or the test would say nothing
    assert run.best_epoch == by_accuracy
    _arrays, facts = load_arrays(checkpoint_path(worker.store.folder(run.id), "best"))
    assert facts["epoch"] == by_accuracy


def test_a_finished_run_may_save_only_its_best_checkpoint(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(epochs=4)
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "enter", _stopping_in_epoch(worker, 3))
        patch.setattr("cifarviz.training.recorder.POLL_SECONDS", 0.0)
        stopped = trained(epochs=4, best_only=True)
    folder = worker.store.folder(stopped.id)
    assert (stopped.state, stopped.epochs_done) == (RunState.STOPPED, 2)
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint-best.npz",
        "checkpoint-last.npz",
        "run.json",
        "snapshots",
    }
    run = worker.wait(worker.resume(stopped.id).id)
    assert run.state is RunState.FINISHED
    left = {"checkpoint-best.npz", "run.json", "snapshots"}
    assert {path.name for path in folder.iterdir()} == left
    # What it kept on its way, to be looked back at, is no checkpoint.
    kept = sorted(path.name for path in folder.glob("snapshots/weights-*"))
    assert kept == [f"weights-{epoch:04d}.npz" for epoch in range(5)]
    assert history(worker.store, run) == history(worker.store, whole)
    assert_same(weights(worker.store, run, "best"), weights(worker.store, whole, "best"))


def test_test_predictions_are_saved_after_the_selected_epochs(
    worker: Worker, trained: TrainRun, settings: Settings
) -> None:
    run = trained(epochs=3, test_epochs=(2, 3))
    shorter = trained(epochs=2)
    test = library.load("cifar10", "sample", settings).test
    folder = worker.store.folder(run.id)
    assert not epoch_predictions_path(folder, 1).exists()
    for epoch, like in ((2, shorter), (3, run)):
        answers, facts = load_arrays(epoch_predictions_path(folder, epoch))
        assert facts["epoch"] == epoch
        assert answers["log_probabilities"].dtype == np.float32
        np.testing.assert_array_equal(answers["indices"], test.indices)
        asked = open_checkpoint(worker.store, like, "last").predictions(test.images)
        np.testing.assert_array_equal(answers["log_probabilities"], asked.log_probabilities)


def test_with_test_validation_its_predictions_are_reused(
    worker: Worker, trained: TrainRun, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwanted(*_arguments: Any) -> Iterator[np.ndarray]:
        raise AssertionError("the test images are asked about twice")

    monkeypatch.setattr(engine, "log_probability_batches", unwanted)
    run = trained(epochs=3, validation=TestValidation(), test_epochs=(2,))
    assert run.state is RunState.FINISHED
    test = library.load("cifar10", "sample", settings).test
    folder = worker.store.folder(run.id)
    assert epoch_predictions_path(folder, 2).exists()
    checkpoints: tuple[Checkpoint, ...] = ("best", "last")
    for which in checkpoints:
        stamp = checkpoint_stamp(folder, which)
        kept = load_checkpoint_predictions(folder, which, stamp, test, 10)
        assert kept is not None
        asked = open_checkpoint(worker.store, run, which).predictions(test.images)
        np.testing.assert_allclose(kept.log_probabilities, asked.log_probabilities, atol=1e-5)
        if which == "last":
            right = (kept.log_probabilities.argmax(1) == test.labels).mean()
            assert right == worker.store.epochs(run.id)[-1].val_accuracy


def test_a_stop_interrupts_predicting_the_test_images(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"epochs": 3, "test_epochs": (2,)}
    whole = trained(**fields)
    asked: list[int] = []

    def interrupted(*arguments: Any) -> Iterator[np.ndarray]:
        for part in log_probability_batches(*arguments):
            worker.store.request(worker.store.active()[0].id, Action.STOP)
            asked.append(len(part))
            yield part

    with monkeypatch.context() as patch:
        patch.setattr(engine, "log_probability_batches", interrupted)
        patch.setattr("cifarviz.training.recorder.POLL_SECONDS", 0.0)
        stopped = trained(**fields)
    assert asked == [500]
    assert (stopped.state, stopped.epochs_done) == (RunState.STOPPED, 1)
    folder = worker.store.folder(stopped.id)
    assert not epoch_predictions_path(folder, 2).exists()
    resumed = worker.wait(worker.resume(stopped.id).id)
    assert history(worker.store, resumed) == history(worker.store, whole)
    assert_same(
        load_arrays(epoch_predictions_path(folder, 2))[0],
        load_arrays(epoch_predictions_path(worker.store.folder(whole.id), 2))[0],
    )


def test_an_epoch_whose_predictions_cannot_be_saved_is_not_done(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_content: object) -> None:
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "save_epoch_predictions", full)
        run = trained(epochs=3, test_epochs=(2,))
    assert (run.state, run.epochs_done) == (RunState.FAILED, 1)
    resumed = worker.wait(worker.resume(run.id).id)
    assert resumed.state is RunState.FINISHED
    assert epoch_predictions_path(worker.store.folder(run.id), 2).exists()


def test_each_epoch_uses_every_image_once_in_its_own_order(
    trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = TrainingStep.__call__
    seen: list[int] = []

    def noted(self: TrainingStep, batches: np.ndarray, *rest: Any) -> Any:
        seen.extend(batches.ravel().tolist())
        return step(self, batches, *rest)

    monkeypatch.setattr(TrainingStep, "__call__", noted)
    trained(epochs=3)
    orders = [seen[start : start + 90] for start in (0, 90, 180)]
    assert len(seen) == 270
    for order in orders:
        assert sorted(order) == list(range(90))
    assert orders[0] != orders[1] != orders[2] != orders[0]


def _stopping_in_epoch(worker: Worker, number: int) -> Callable[..., None]:
    """In the place of ``Recorder.enter``: asks for a stop when that epoch begins."""
    entered = Recorder.enter

    def enter(recorder: Recorder, phase: str) -> None:
        if (phase, recorder.epoch) == ("training", number):
            worker.store.request(worker.store.active()[0].id, Action.STOP)
        entered(recorder, phase)

    return enter
