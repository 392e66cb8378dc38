"""A home that may only be read is shown, and says why nothing can be changed."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs
from tests.read_only import read_only, run_without_privileges

# What a reader of the home gets, as JSON.
READER = """
import json, sys
from cifarviz.errors import CifarvizError
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
store = RunStore(Settings.from_environment())
runs = {run.id: [run.state, run.message, run.epochs_done] for run in store.all()}
active = [run.id for run in store.active()]
steps = [len(store.batch_points(run_id)) for run_id in runs]
try:
    store.rename(next(iter(runs)), "other")
    refusal = None
except CifarvizError as error:
    refusal = str(error)
print(json.dumps({"runs": runs, "active": active, "steps": steps, "refusal": refusal}))
"""


def read(settings: Settings) -> dict[str, Any]:
    """What a process sees that may not write to the home."""
    done = run_without_privileges("-c", READER, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def files(settings: Settings) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in settings.home.rglob("*")}


@pytest.fixture
def _unchanged(settings: Settings, run: Run) -> Iterator[None]:
    before = files(settings)
    with read_only(settings.home):
        yield
    assert files(settings).keys() == before.keys()


@pytest.mark.usefixtures("_unchanged")
def test_runs_are_read_and_changes_refused(settings: Settings, run: Run) -> None:
    seen = read(settings)
    assert seen["runs"] == {run.id: ["finished", None, 3]}
    assert seen["steps"] == [30]
    assert "is full or read-only: it may only be read" in str(seen["refusal"])


def test_what_a_killed_process_left_in_its_log_is_read(
    settings: Settings, store: RunStore, run: Run, tmp_path: Path
) -> None:
    with store.database.keep_open():
        store.rename(run.id, "in the log")
        shutil.copytree(settings.home, tmp_path / "copy")
    (tmp_path / "copy/runs.sqlite3-shm").unlink()
    assert (tmp_path / "copy/runs.sqlite3-wal").stat().st_size > 0
    code = READER.replace("[run.state", "[run.name")
    with read_only(tmp_path / "copy"):
        done = run_without_privileges(
            "-c", code, PYTHONPATH=str(ROOT), CIFARVIZ_HOME=str(tmp_path / "copy")
        )
    assert json.loads(done.stdout)["runs"][run.id][0] == "in the log"


def test_changes_of_the_process_that_may_write_are_seen(
    settings: Settings, store: RunStore, run: Run
) -> None:
    with store.database.keep_open():
        settings.home.chmod(0o555)
        try:
            store.rename(run.id, "now")
            code = READER.replace("[run.state", "[run.name")
            done = run_without_privileges("-c", code, PYTHONPATH=str(ROOT))
        finally:
            settings.home.chmod(0o755)
    assert json.loads(done.stdout)["runs"][run.id][0] == "now"


def test_a_run_whose_process_has_ended_is_interrupted_and_a_held_one_is_not(
    settings: Settings, store: RunStore
) -> None:
    ended, held = (
        stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
        for _ in range(2)
    )
    with stored_runs.hold_lock(store, held), stored_runs.hold_lock(store, ended):
        store.transition(held.id, RunState.RUNNING)
        store.transition(ended.id, RunState.RUNNING)
    with stored_runs.hold_lock(store, held), read_only(settings.home):
        seen = read(settings)
    assert seen["runs"] == {
        held.id: ["running", None, 0],
        ended.id: ["interrupted", "The process that trained this run ended too early.", 0],
    }
    assert seen["active"] == [held.id]


def test_a_home_of_an_earlier_version_is_read(settings: Settings) -> None:
    shutil.copytree(ROOT / "tests/fixtures/full-format-5/home", settings.home)
    before = (settings.home / "runs.sqlite3").read_bytes()
    with read_only(settings.home):
        seen = read(settings)
    assert "finished" in {state for state, _, _ in seen["runs"].values()}
    assert (settings.home / "runs.sqlite3").read_bytes() == before


def test_an_empty_home_that_may_only_be_read_says_so(settings: Settings) -> None:
    settings.home.mkdir()
    with read_only(settings.home):
        done = run_without_privileges("-m", "cifarviz", "runs")
    assert done.returncode == 1
    assert "is full or read-only: it may only be read" in done.stderr
    assert list(settings.home.iterdir()) == []
