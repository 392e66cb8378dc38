"""Readers see the epochs and steps a worker writes, and the best epoch."""

import threading

import numpy as np
import pytest

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Epoch
from cifarviz.runs.run_headline import best_of, epochs_since_best
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests.runs.held_run import EXPERIMENT, PROGRESS, epoch, held_run, points


def test_a_history_is_read_as_written(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 3))
    store.record(run_id, PROGRESS, points(4, 4), epoch(1, 1.5))
    store.record(run_id, PROGRESS, None, epoch(2, 1.2))
    store.record(run_id, PROGRESS, None, epoch(3, 1.4))
    assert store.epochs(run_id) == [epoch(1, 1.5), epoch(2, 1.2), epoch(3, 1.4)]
    found = store.batch_points(run_id)
    assert found.steps.tolist() == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_allclose(found.loss, np.arange(1, 8) / 10, rtol=1e-6)
    run = store.get(run_id)
    assert (run.epochs_done, run.best_epoch, run.best_loss) == (3, 2, 1.2)
    assert run.best_val_accuracy == pytest.approx(0.88)
    assert run.progress == PROGRESS


def test_without_validation_the_training_loss_decides_the_best_epoch(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, None, epoch(1, None, loss=2.0))
    store.record(run_id, PROGRESS, None, epoch(2, None, loss=1.0))
    run = store.get(run_id)
    assert (run.best_epoch, run.best_loss, run.best_val_accuracy) == (2, 1.0, None)


def test_the_monitor_decides_the_best_epoch_and_the_first_of_equals_wins(store: RunStore) -> None:
    history = [
        Epoch(1, 0.9, 0.10, 1.5, 0.40, 0.001, 2.0),
        Epoch(2, 0.8, 0.20, 1.2, 0.50, 0.001, 2.0),
        Epoch(3, 0.7, 0.20, 1.2, 0.70, 0.001, 2.0),
        Epoch(4, 0.7, 0.15, 1.3, 0.70, 0.001, 2.0),
    ]
    unseen = [one._replace(val_loss=None, val_accuracy=None) for one in history]
    for monitor, validated, epochs, best in (
        ("loss", True, history, 2),
        ("accuracy", True, history, 3),
        ("loss", False, unseen, 3),
        ("accuracy", False, unseen, 2),
    ):
        experiment = Experiment.make(**{**dict(EXPERIMENT), "monitor": monitor})
        run_id, _lock = held_run(store, experiment=experiment)
        for one in epochs:
            store.record(run_id, PROGRESS, None, one)
        run = store.get(run_id)
        assert run.best_epoch == best, (monitor, validated)
        found = best_of(store.epochs(run_id), experiment.monitor)
        assert found is not None
        assert found.epoch == best
        assert run.best_epoch_val_accuracy == found.val_accuracy
        highest = (0.70, 3) if validated else (None, None)
        assert (run.best_val_accuracy, run.best_val_accuracy_epoch) == highest
        assert epochs_since_best(epochs, experiment.monitor) == 4 - best
    assert best_of([], "loss") is None
    assert epochs_since_best([], "loss") == 0


def test_batch_points_are_read_after_a_step_with_a_stride(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 10))
    store.record(run_id, PROGRESS, points(11, 10))
    assert store.batch_points(run_id, after=8).steps.tolist() == list(range(9, 21))
    assert store.batch_points(run_id, after=8, stride=4).steps.tolist() == [12, 16, 20]
    assert len(store.batch_points(run_id, after=20)) == 0


def test_rewinding_deletes_steps_and_epochs_after_the_checkpoint(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 5), epoch(1, 1.5))
    store.record(run_id, PROGRESS, points(6, 5), epoch(2, 1.2))
    store.rewind(run_id, step=5, epoch=1)
    assert store.batch_points(run_id).steps.tolist() == [1, 2, 3, 4, 5]
    assert store.epochs(run_id) == [epoch(1, 1.5)]
    assert store.get(run_id).best_epoch == 1


def test_many_readers_can_read_while_a_worker_writes(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    errors: list[Exception] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                found = RunStore(store.settings).batch_points(run_id)
                assert found.steps.tolist() == list(range(1, len(found) + 1))
        except Exception as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for start in range(1, 200, 2):
        store.record(run_id, PROGRESS, points(start, 2))
    over.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert len(store.batch_points(run_id)) == 200
