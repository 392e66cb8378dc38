"""What one process writes another reads, and nothing is lost on the way."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from filelock import BaseFileLock

from cifarviz.errors import (
    ExperimentInvalid,
    RunError,
    RunNotFound,
    StorageFull,
    StoreError,
    TransitionRefused,
    UnknownFormat,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs import locks
from cifarviz.runs.best import best_of, epochs_since_best
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings

EXPERIMENT = PRESETS["cifar10-starter"].experiment
PROGRESS = Progress("training", 1, 3, 10, 1000.0, 5.0, 0.0)


def held_run(
    store: RunStore, name: str = "mine", experiment: Experiment = EXPERIMENT
) -> tuple[str, BaseFileLock]:
    run_id = new_run_id()
    lock = locks.take(store.lock_path(run_id))
    assert lock is not None
    store.create(run_id, experiment, name, "dashboard")
    return run_id, lock


def points(first: int, count: int) -> BatchPoints:
    steps = np.arange(first, first + count)
    return BatchPoints(steps, (steps / 10).astype("f4"), (steps / 100).astype("f4"))


def epoch(number: int, val_loss: float | None, loss: float = 1.0) -> Epoch:
    accuracy = None if val_loss is None else 1 - val_loss / 10
    return Epoch(number, loss, 0.5, val_loss, accuracy, 0.001, 2.0)


def test_a_new_run_is_queued_and_keeps_its_experiment(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    run = store.get(run_id)
    assert run.state is RunState.QUEUED
    assert run.experiment == EXPERIMENT
    assert [other.id for other in store.all()] == [run_id]
    assert (run.epochs_done, run.best_epoch, run.progress) == (0, None, None)


def test_history_comes_back_as_it_was_written(store: RunStore) -> None:
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


def test_the_best_epoch_is_by_training_loss_where_nothing_was_validated(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, None, epoch(1, None, loss=2.0))
    store.record(run_id, PROGRESS, None, epoch(2, None, loss=1.0))
    run = store.get(run_id)
    assert (run.best_epoch, run.best_loss, run.best_val_accuracy) == (2, 1.0, None)


def test_the_best_epoch_goes_by_the_monitor_and_is_the_first_of_equals(store: RunStore) -> None:
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
        assert store.get(run_id).best_epoch == best, (monitor, validated)
        found = best_of(store.epochs(run_id), experiment.monitor)
        assert found is not None
        assert found.epoch == best
        assert epochs_since_best(epochs, experiment.monitor) == 4 - best
    assert best_of([], "loss") is None
    assert epochs_since_best([], "loss") == 0


def test_a_reader_polls_from_the_last_step_it_has_and_thins(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 10))
    store.record(run_id, PROGRESS, points(11, 10))
    assert store.batch_points(run_id, after=8).steps.tolist() == list(range(9, 21))
    assert store.batch_points(run_id, after=8, stride=4).steps.tolist() == [12, 16, 20]
    assert len(store.batch_points(run_id, after=20)) == 0


def test_a_rewound_run_forgets_what_comes_after_its_checkpoint(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 5), epoch(1, 1.5))
    store.record(run_id, PROGRESS, points(6, 5), epoch(2, 1.2))
    store.rewind(run_id, step=5, epoch=1)
    assert store.batch_points(run_id).steps.tolist() == [1, 2, 3, 4, 5]
    assert store.epochs(run_id) == [epoch(1, 1.5)]
    assert store.get(run_id).best_epoch == 1


def test_an_active_run_whose_lock_is_free_was_interrupted(store: RunStore) -> None:
    run_id, lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    assert store.get(run_id).state is RunState.RUNNING
    lock.release()
    run = store.get(run_id)
    assert run.state is RunState.INTERRUPTED
    assert "ended before it was done" in (run.message or "")


def test_a_killed_process_leaves_an_interrupted_run_with_all_it_wrote(settings: Settings) -> None:
    script = f"""
import os, sys, signal
sys.path.insert(0, {str(Path.cwd())!r})
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.runs.states import RunState
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs import locks
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.store import new_run_id
import numpy as np
store = RunStore(Settings.from_environment())
run_id = new_run_id()
lock = locks.take(store.lock_path(run_id))
store.create(run_id, PRESETS["cifar10-starter"].experiment, "mine", "command line")
store.transition(run_id, RunState.RUNNING)
points = BatchPoints(np.arange(1, 6), np.ones(5, "f4"), np.ones(5, "f4"))
epoch = Epoch(1, 1.0, 0.5, 1.5, 0.85, 0.001, 2.0)
store.record(run_id, Progress("training", 1, 5, 10, None, None, 0.0), points, epoch)
print(run_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    run_id = done.stdout.strip()
    store = RunStore(settings)
    assert store.get(run_id).state is RunState.INTERRUPTED, done.stderr
    assert store.epochs(run_id) == [epoch(1, 1.5)]
    assert len(store.batch_points(run_id)) == 5


def test_a_queued_run_is_stopped_at_once(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.request(run_id, Action.STOP)
    assert store.get(run_id).state is RunState.STOPPED


def test_a_request_reaches_the_worker_once(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    assert store.take_request(run_id) is None
    store.request(run_id, Action.PAUSE)
    assert store.get(run_id).requested == "pause"
    assert store.take_request(run_id) is Action.PAUSE
    assert store.take_request(run_id) is None
    assert store.get(run_id).requested is None


def test_a_stop_wins_over_what_is_asked_after_it(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    store.request(run_id, Action.STOP)
    store.request(run_id, Action.STOP)
    store.request(run_id, Action.PAUSE)
    assert store.take_request(run_id) is Action.STOP
    assert store.take_request(run_id) is None


def test_pausing_a_queued_run_is_refused(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    with pytest.raises(TransitionRefused, match="queued"):
        store.request(run_id, Action.PAUSE)


def test_those_who_wait_are_served_in_order(store: RunStore) -> None:
    (first, _a), (second, _b) = held_run(store, "first"), held_run(store, "second")
    assert (store.is_next(first), store.is_next(second)) == (True, False)
    store.transition(first, RunState.RUNNING)
    assert store.is_next(second)
    assert [run.name for run in store.active()] == ["first", "second"]


def test_renaming_and_its_limits(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.rename(run_id, "  a   better\nname ")
    assert store.get(run_id).name == "a better name"
    for bad in ("", "   ", "x" * 101):
        with pytest.raises(ExperimentInvalid, match="1 to 100"):
            store.rename(run_id, bad)
    with pytest.raises(RunNotFound, match="nowhere"):
        store.rename("nowhere", "name")


def test_deleting_takes_history_and_files_but_never_an_active_run(store: RunStore) -> None:
    run_id, lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 5), epoch(1, 1.5))
    store.folder(run_id).mkdir(parents=True)
    (store.folder(run_id) / "checkpoint-last.npz").write_bytes(b"x")
    (store.tensorboard_folder(run_id) / "train").mkdir(parents=True)
    with pytest.raises(RunError, match="stop it before"):
        store.delete(run_id)
    store.request(run_id, Action.STOP)
    lock.release()
    store.delete(run_id)
    assert not store.folder(run_id).exists()
    assert not store.tensorboard_folder(run_id).exists()
    assert store.epochs(run_id) == []
    with pytest.raises(RunNotFound):
        store.get(run_id)


def test_readers_look_on_while_a_worker_writes(store: RunStore) -> None:
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


def test_many_open_one_new_home_at_once(settings: Settings) -> None:
    errors: list[Exception] = []
    start = threading.Barrier(4)

    def first_look() -> None:
        try:
            start.wait()
            RunStore(settings).all()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=first_look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_another_versions_store_is_refused_in_words(store: RunStore) -> None:
    with sqlite3.connect(store.database.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UnknownFormat, match="format 99"):
        RunStore(store.settings)


def test_another_versions_experiment_is_refused_and_the_others_still_list(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    other, _other_lock = held_run(store)
    with sqlite3.connect(store.database.path) as connection:
        changed = EXPERIMENT.to_json().replace('"format": 2', '"format": 7')
        connection.execute("UPDATE runs SET experiment = ? WHERE id = ?", (changed, run_id))
    assert {run.id for run in store.all()} == {run_id, other}
    with pytest.raises(UnknownFormat, match="7"):
        _ = store.get(run_id).experiment


def test_a_home_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"CIFARVIZ_HOME": str(tmp_path / "file")}
    with pytest.raises(StoreError, match="CIFARVIZ_HOME"):
        RunStore(Settings.from_environment(environ))


def test_a_damaged_database_is_said(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    (settings.home / "runs.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="damaged"):
        RunStore(settings)


def test_a_full_disk_is_said_and_loses_nothing(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 5), epoch(1, 1.5))

    roomy = store.database.connect
    monkeypatch.setattr(store.database, "connect", lambda **options: _cramped(roomy(**options)))
    with pytest.raises(StorageFull, match="CIFARVIZ_HOME"):
        store.record(run_id, PROGRESS, points(6, 1_000_000))
    monkeypatch.undo()
    assert store.epochs(run_id) == [epoch(1, 1.5)]
    assert len(store.batch_points(run_id)) == 5


@contextmanager
def _cramped(
    context: AbstractContextManager[sqlite3.Connection],
) -> Iterator[sqlite3.Connection]:
    """A connection to a file that may not grow, which is what a full disk is to SQLite."""
    with context as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        yield connection


def test_times_are_kept(store: RunStore) -> None:
    before = time.time()
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    run = store.transition(run_id, RunState.FINISHED)
    assert run.started is not None
    assert run.ended is not None
    assert before <= run.created <= run.started <= run.ended <= time.time()
