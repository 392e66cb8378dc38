"""``run.json`` in a run's folder has all facts of the run."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cifarviz.errors import ArchiveDamaged, ArtifactMissing
from cifarviz.executors.worker import Worker
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.archive_facts import run_facts
from cifarviz.runs.database_rows import insert_run
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_json import load_run_json, run_json_path
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.make_fixtures import experiment as small_experiment
from tests import stored_runs
from tests.runs.full_run import store_full_run


def rebuilt(store: RunStore) -> RunStore:
    """The home with a new index, of which all is read from the folders of its runs."""
    for path in store.settings.home.glob("runs.sqlite3*"):
        path.unlink()
    store = RunStore(store.settings)
    for folder in store.settings.runs.iterdir():
        columns, epochs, _ = load_run_json(folder)
        with store.database.connect(write=True) as connection:
            insert_run(connection, **columns)
            connection.executemany(
                "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(folder.name, *epoch) for epoch in epochs],
            )
    return store


def known(store: RunStore, run_id: str) -> tuple[Run, list[Epoch]]:
    return replace(store.get(run_id), progress=None), store.epochs(run_id)


def in_folder(store: RunStore, run: Run) -> Run:
    """The name, state and marks that the folder of a run has."""
    columns = load_run_json(store.folder(run.id)).columns
    wanted = ("name", "state", "starred", "remark", "preferred", "message")
    return replace(run, **{name: columns[name] for name in wanted})


def test_a_trained_run_can_be_read_from_its_folder(settings: Settings) -> None:
    worker = Worker(settings, "command line")
    run = worker.wait(worker.submit(small_experiment(), "learned").id)
    assert run.state is RunState.FINISHED
    worker.store.star(run.id, True)
    worker.store.remark(run.id, "a good one\nin two lines")
    before, history = known(worker.store, run.id)
    facts = run_facts(worker.store.get(run.id), history)
    assert len(history) == 2

    store = rebuilt(worker.store)
    assert known(store, run.id) == (before, history)
    assert run_facts(store.get(run.id), store.epochs(run.id)) == facts


@pytest.mark.parametrize("state", list(RunState))
def test_run_json_has_every_state(state: RunState, store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
    steps = {
        RunState.QUEUED: (),
        RunState.RUNNING: (RunState.RUNNING,),
        RunState.STOPPED: (RunState.RUNNING, RunState.STOPPING, RunState.STOPPED),
        RunState.INTERRUPTED: (RunState.RUNNING,),
        RunState.STOPPING: (RunState.RUNNING, RunState.STOPPING),
    }.get(state, (RunState.RUNNING, state))
    with stored_runs.hold_lock(store, run):
        for step in steps:
            if step is RunState.FINISHED:
                for _ in range(3):
                    stored_runs.advance_run(store, run, 10, epoch=True)
            store.transition(run.id, step, f"now {step}")
        if state is not RunState.INTERRUPTED:
            assert in_folder(store, run).state == state
            assert in_folder(store, run).message == (f"now {state}" if steps else None)
    if state is RunState.INTERRUPTED:
        assert store.get(run.id).state is RunState.INTERRUPTED
        assert in_folder(store, run).state == RunState.INTERRUPTED


def test_run_json_has_each_finished_epoch_but_no_batches(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
    path = run_json_path(store.folder(run.id))
    with stored_runs.hold_lock(store, run):
        store.transition(run.id, RunState.RUNNING)
        for epoch in (1, 2):
            stored_runs.advance_run(store, run, 10, epoch=True)
            assert load_run_json(path.parent).epochs == store.epochs(run.id)
            assert len(load_run_json(path.parent).epochs) == epoch
            before = path.stat().st_ino
            stored_runs.advance_run(store, run, 1)
            store.describe(run.id, heartbeat=1.0, seconds=3.0)
            assert path.stat().st_ino == before
        store.rewind(run.id, step=10, epoch=1)
        assert [epoch.epoch for epoch in load_run_json(path.parent).epochs] == [1]


def test_run_json_has_the_users_changes(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    stored_runs.add_checkpoint(store, run, "best")
    changes: list[tuple[Callable[[], None], str, object]] = [
        (lambda: store.rename(run.id, "{braces} “and” more"), "name", "{braces} “and” more"),
        (lambda: store.star(run.id, True), "starred", True),
        (lambda: store.remark(run.id, "worth a look"), "remark", "worth a look"),
        (lambda: store.prefer(run.id, "best"), "preferred", "best"),
    ]
    for change, name, value in changes:
        change()
        assert getattr(in_folder(store, run), name) == value
    store.delete(run.id)
    assert not store.folder(run.id).exists()


def test_run_json_has_the_stop_of_queued_runs(store: RunStore) -> None:
    made = stored_runs.experiment()
    first, second = (
        stored_runs.store_run(store, made, state=RunState.QUEUED, epochs=0) for _ in range(2)
    )
    store.request(first.id, Action.STOP)
    store.stop_all([second.id])
    assert {in_folder(store, run).state for run in (first, second)} == {RunState.STOPPED}


def test_a_run_of_an_earlier_version_gets_run_json_at_its_next_change(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    run_json_path(store.folder(run.id)).unlink()
    with pytest.raises(ArtifactMissing, match=r"run\.json"):
        load_run_json(store.folder(run.id))
    store.rename(run.id, "anew")
    assert in_folder(store, run).name == "anew"
    assert len(load_run_json(store.folder(run.id)).epochs) == 3


def test_an_imported_run_has_run_json_and_a_packed_one_no_facts_of_its_home(
    store: RunStore, tmp_path: Path
) -> None:
    run = store_full_run(store)
    store.star(run.id, True)
    pack(store, run.id, tmp_path / "run.zip")
    imported = unpack(store, tmp_path / "run.zip", origin="imported")
    columns = load_run_json(store.folder(imported.id)).columns
    assert (columns["id"], columns["origin"], columns["starred"]) == (imported.id, "imported", 0)
    assert load_run_json(store.folder(imported.id)).epochs == store.epochs(run.id)


def is_a_file(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")


def holds_a_folder_of_that_name(folder: Path) -> None:
    (folder / "run.json").mkdir(parents=True)


@pytest.mark.parametrize("refusal", [is_a_file, holds_a_folder_of_that_name])
def test_an_error_writing_run_json_is_logged(
    refusal: Callable[[Path], None],
    store: RunStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("cifarviz.runs.store.new_run_id", lambda: "0badcafe")
    monkeypatch.setattr("tests.stored_runs.new_run_id", lambda: "0badcafe")
    refusal(store.folder("0badcafe"))
    with caplog.at_level(logging.WARNING):
        run = stored_runs.store_run(store, stored_runs.experiment())
        store.rename(run.id, "goes on")
    assert (run.state, store.get(run.id).name) == (RunState.FINISHED, "goes on")
    assert len(store.epochs(run.id)) == 3
    assert "run.json of run 0badcafe was not written" in caplog.text
    assert not list(store.settings.runs.rglob("*.part"))


def test_a_damaged_record_does_not_overwrite_run_json(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    good = run_json_path(store.folder(run.id)).read_bytes()
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET experiment = 'nothing' WHERE id = ?", (run.id,))
    store.star(run.id, True)
    assert run_json_path(store.folder(run.id)).read_bytes() == good


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"cifarviz": "run", "format": 2}', b"\xff", b"[" * 100_000]
)
def test_a_damaged_run_json_is_refused_with_a_message(content: bytes, store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    path = run_json_path(store.folder(run.id))
    path.write_bytes(content)
    with pytest.raises(ArchiveDamaged):
        load_run_json(path.parent)
    store.star(run.id, True)
    assert json.loads(path.read_bytes())["starred"] is True
