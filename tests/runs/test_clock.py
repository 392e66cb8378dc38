"""Nothing breaks, and nothing stays owned, when the clock is set back or a home is moved."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cifarviz.data import library
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.backup import back_up
from cifarviz.runs.leases import cluster_owner
from cifarviz.runs.records import Run
from cifarviz.runs.repair import repair
from cifarviz.runs.restore import restore
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.runs.test_archive_dataset import take

_MONTH = 30 * 86_400.0


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that sets the clock back by a month."""
    real = time.time

    def set_clock_back() -> None:
        monkeypatch.setattr("time.time", lambda: real() - _MONTH)

    return set_clock_back


def waiting(store: RunStore) -> Run:
    return stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)


def stop(store: RunStore, run: Run) -> None:
    store.transition(run.id, RunState.STOPPING)
    store.transition(run.id, RunState.STOPPED)


def fail(store: RunStore, run: Run) -> None:
    store.fail(run.id, "It failed.")


def lose(store: RunStore, run: Run) -> None:
    """Do nothing: it has no owner any more."""


@pytest.mark.parametrize("end", [stop, fail, lose])
def test_a_run_never_ends_before_it_began(
    store: RunStore, set_back: Callable[[], None], end: Callable[[RunStore, Run], None]
) -> None:
    run = waiting(store)
    with stored_runs.hold_lock(store, run):
        store.transition(run.id, RunState.RUNNING)
        stored_runs.advance_run(store, run, 10, epoch=True)
        store.describe(run.id, seconds=12.0)
        set_back()
        end(store, run)
    ended = store.get(run.id)
    assert not ended.state.active
    assert ended.started is not None
    assert ended.ended is not None
    assert ended.ended >= ended.started + 12
    assert ended.damage is None
    assert ended.resumable


def test_a_waiting_run_can_be_stopped_and_started(
    store: RunStore, set_back: Callable[[], None]
) -> None:
    first, second = waiting(store), waiting(store)
    set_back()
    store.request(first.id, Action.STOP)
    stopped = store.get(first.id)
    assert (stopped.state, stopped.ended) == (RunState.STOPPED, stopped.created)
    with stored_runs.hold_lock(store, second):
        assert store.is_next(second.id)
        store.transition(second.id, RunState.RUNNING)
        assert store.get(second.id).state is RunState.RUNNING


def test_no_lease_lasts_until_the_clock_has_come_back(
    store: RunStore, set_back: Callable[[], None]
) -> None:
    run = waiting(store)
    store.transition(run.id, RunState.RUNNING, owner=cluster_owner("10.0.0.1:6379"))
    assert store.get(run.id).state is RunState.RUNNING
    set_back()
    assert store.get(run.id).state is RunState.INTERRUPTED


def test_runs_of_the_future_are_packed_repaired_and_restored(
    store: RunStore, elsewhere: RunStore, set_back: Callable[[], None], run: Run, tmp_path: Path
) -> None:
    set_back()
    back_up(store.settings, tmp_path / "backup.zip")
    restore(elsewhere.settings, tmp_path / "backup.zip")
    assert elsewhere.get(run.id).created == run.created
    for path in store.settings.home.glob("runs.sqlite3*"):
        path.unlink()
    assert [found.id for found in repair(store.settings).relisted] == [run.id]


def test_a_run_with_the_clock_set_back_in_it_is_packed_and_unpacked(
    store: RunStore, elsewhere: RunStore, set_back: Callable[[], None], tmp_path: Path
) -> None:
    run = waiting(store)
    with stored_runs.hold_lock(store, run):
        store.transition(run.id, RunState.RUNNING)
        stored_runs.advance_run(store, run, 10, epoch=True)
        store.describe(run.id, seconds=3000.0)
        set_back()
        stop(store, run)
    pack(store, run.id, tmp_path / "run.zip")
    assert unpack(elsewhere, tmp_path / "run.zip", origin="imported").seconds == 3000


def test_a_home_that_was_moved_is_the_same(store: RunStore, run: Run, tmp_path: Path) -> None:
    info = take(store.settings, tmp_path)
    images = library.load(info, "full", store.settings).train.images.copy()
    moved = replace(store.settings, home=tmp_path / "another place" / "home")
    moved.home.parent.mkdir()
    shutil.move(store.settings.home, moved.home)
    found = RunStore(moved)
    assert found.get(run.id) == run
    assert len(found.batch_points(run.id)) == 30
    assert (library.load(info, "full", moved).train.images == images).all()
    old = str(store.settings.home).encode()
    assert not [
        path for path in moved.home.rglob("*") if path.is_file() and old in path.read_bytes()
    ]
    assert repair(moved).is_whole
