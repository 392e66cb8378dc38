"""Runs are stored, found, renamed and deleted; problems of the store are reported."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from cifarviz.errors import (
    ExperimentInvalid,
    RunError,
    RunNotFound,
    StorageFull,
    StoreError,
    UnknownFormat,
)
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.runs.held_run import EXPERIMENT, PROGRESS, epoch, held_run, points


def test_a_new_run_is_queued_and_keeps_its_experiment(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    run = store.get(run_id)
    assert run.state is RunState.QUEUED
    assert run.experiment == EXPERIMENT
    assert [other.id for other in store.all()] == [run_id]
    assert (run.epochs_done, run.best_epoch, run.progress) == (0, None, None)


def test_a_run_is_found_by_the_start_of_its_id(store: RunStore) -> None:
    for run_id in ("12ab34cd", "12ab34ef", "12ab"):
        store.create(run_id, EXPERIMENT, "mine", "dashboard")
    assert store.find("12ab34c").id == "12ab34cd"
    assert store.find("12ab").id == "12ab"
    with pytest.raises(RunNotFound, match="2 runs have an id that starts with “12ab34”"):
        store.find("12ab34")
    for unknown in ("34cd", "", "12AB34CD"):
        with pytest.raises(RunNotFound, match=f"There is no run “{unknown}” here"):
            store.find(unknown)


def test_times_of_a_run_are_stored(store: RunStore) -> None:
    before = time.time()
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    run = store.transition(run_id, RunState.FINISHED)
    assert run.started is not None
    assert run.ended is not None
    assert before <= run.created <= run.started <= run.ended <= time.time()


def test_a_run_can_be_renamed_within_limits(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.rename(run_id, "  a   better\nname ")
    assert store.get(run_id).name == "a better name"
    for bad in ("", "   ", "x" * 101):
        with pytest.raises(ExperimentInvalid, match="1 to 100"):
            store.rename(run_id, bad)
    with pytest.raises(RunNotFound, match="nowhere"):
        store.rename("nowhere", "name")


def test_deleting_removes_history_and_files_and_refuses_active_runs(store: RunStore) -> None:
    run_id, lock = held_run(store)
    store.record(run_id, PROGRESS, points(1, 5), epoch(1, 1.5))
    store.folder(run_id).mkdir(parents=True, exist_ok=True)
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


def test_many_processes_can_open_a_new_home_at_once(settings: Settings) -> None:
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


def test_a_store_of_another_version_is_refused_with_a_message(store: RunStore) -> None:
    with sqlite3.connect(store.database.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UnknownFormat, match="format 99"):
        RunStore(store.settings)


def test_an_experiment_of_another_version_does_not_hide_other_runs(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    other, _other_lock = held_run(store)
    with sqlite3.connect(store.database.path) as connection:
        changed = EXPERIMENT.to_json().replace('"format": 4', '"format": 7')
        connection.execute("UPDATE runs SET experiment = ? WHERE id = ?", (changed, run_id))
    assert {run.id for run in store.all()} == {run_id, other}
    with pytest.raises(UnknownFormat, match="7"):
        _ = store.get(run_id).experiment


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"CIFARVIZ_HOME": str(tmp_path / "file")}
    with pytest.raises(StoreError, match="CIFARVIZ_HOME"):
        RunStore(Settings.from_environment(environ))


def test_a_damaged_database_is_refused(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    (settings.home / "runs.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="damaged"):
        RunStore(settings)


def test_a_full_disk_is_reported_and_loses_no_data(
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
