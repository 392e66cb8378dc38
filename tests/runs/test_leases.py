"""The owner of a run: a process here holds its file lock, any other owner its lease."""

import sqlite3
import time
from collections.abc import Callable

import pytest

from cifarviz.errors import LeaseLost
from cifarviz.runs.leases import LEASE_SECONDS, Attempt, is_leased, this_process
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.store_sink import StoreSink
from tests.runs.held_run import PROGRESS, epoch, held_run, points

NODE = "node a"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts the clock of the store's host forward."""
    real, ahead = time.time, [0.0]
    monkeypatch.setattr("time.time", lambda: real() + ahead[0])

    def forward(seconds: float) -> None:
        ahead[0] += seconds

    return forward


def begun_by(store: RunStore, owner: str | None) -> tuple[str, Attempt]:
    """A run that has begun, and whose lock nobody holds."""
    run_id, lock = held_run(store)
    run = store.transition(run_id, RunState.RUNNING, owner=owner)
    lock.release()
    return run_id, Attempt(run.attempt, owner or this_process())


def lease(store: RunStore, run_id: str) -> sqlite3.Row:
    with store.database.connect() as connection:
        row: sqlite3.Row = connection.execute(
            "SELECT lease_owner, lease_expires, attempt FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
    return row


@pytest.mark.parametrize(
    ("owner", "expires", "says"),
    [
        (NODE, 1010.0, True),
        (NODE, 1000.0, False),
        # Made before the clock was put back.
        (NODE, 1001.0 + LEASE_SECONDS, False),
        # Named, since workers of a test run differ in their process.
        pytest.param(this_process(), 1010.0, False, id="this process"),
        (None, None, False),
        (b"node", 1010.0, False),
        (NODE, "soon", False),
    ],
)
def test_an_unexpired_lease_of_another_owner_is_valid(
    owner: object, expires: object, says: bool
) -> None:
    assert is_leased(owner, expires, 1000.0) is says


def test_a_process_with_a_free_lock_owns_nothing_despite_its_lease(
    store: RunStore,
) -> None:
    run_id, _attempt = begun_by(store, None)
    assert lease(store, run_id)["lease_expires"] > time.time()
    assert store.get(run_id).state is RunState.INTERRUPTED


def test_a_node_owns_its_run_until_its_lease_expires(
    store: RunStore, clock: Callable[[float], None]
) -> None:
    run_id, attempt = begun_by(store, NODE)
    clock(LEASE_SECONDS - 1)
    assert store.get(run_id).state is RunState.RUNNING
    assert store.acquire(run_id) is None
    StoreSink(store, run_id, attempt).record(PROGRESS)
    clock(LEASE_SECONDS - 1)
    assert store.get(run_id).state is RunState.RUNNING
    clock(2)
    assert store.get(run_id).state is RunState.INTERRUPTED
    lock = store.acquire(run_id)
    assert lock is not None
    lock.release()


def test_a_queued_run_of_a_node_is_not_orphaned_and_keeps_its_place(store: RunStore) -> None:
    (first, lock), (second, _held) = held_run(store, "first"), held_run(store, "second")
    store.describe(first, lease_owner=NODE, lease_expires=time.time() + 5)
    lock.release()
    assert store.orphans() == []
    assert not store.is_next(second)
    store.describe(first, lease_expires=time.time() - 1)
    assert store.orphans() == [first]
    assert store.is_next(second)


@pytest.mark.parametrize(
    "report",
    [
        lambda sink: sink.describe(train_images=7),
        lambda sink: sink.record(PROGRESS, points(5, 3), epoch(2, 1.0)),
        lambda sink: sink.rewind(step=0, epoch=0),
        lambda sink: sink.transition(RunState.STOPPING),
    ],
    ids=["describe", "record", "rewind", "transition"],
)
@pytest.mark.parametrize("since", ["ended", "interrupted", "queued", "begun again", "deleted"])
def test_reports_of_an_ended_attempt_are_refused_and_change_nothing(
    since: str,
    report: Callable[[StoreSink], None],
    store: RunStore,
    clock: Callable[[float], None],
) -> None:
    run_id, attempt = begun_by(store, NODE)
    sink = StoreSink(store, run_id, attempt)
    sink.record(PROGRESS, points(1, 4), epoch(1, 1.5))
    clock(LEASE_SECONDS + 1)
    if since == "ended":
        store.fail(run_id, "It broke.", attempt=attempt)
    else:
        assert store.get(run_id).state is RunState.INTERRUPTED
    lock = store.acquire(run_id)
    assert lock is not None
    if since in ("queued", "begun again"):
        store.transition(run_id, RunState.QUEUED)
    if since == "begun again":
        store.transition(run_id, RunState.RUNNING)
    if since == "deleted":
        store.delete(run_id)
    before = snapshot(store)
    with pytest.raises(LeaseLost, match=f"Run {run_id} has ended or was started again"):
        report(sink)
    assert snapshot(store) == before
    lock.release()


def test_an_ended_attempt_does_not_take_requests_of_the_next_one(
    store: RunStore, clock: Callable[[float], None]
) -> None:
    run_id, attempt = begun_by(store, NODE)
    late = StoreSink(store, run_id, attempt)
    clock(LEASE_SECONDS + 1)
    assert store.get(run_id).state is RunState.INTERRUPTED
    lock = store.acquire(run_id)
    assert lock is not None
    store.transition(run_id, RunState.QUEUED)
    run = store.transition(run_id, RunState.RUNNING)
    store.request(run_id, Action.PAUSE)
    with pytest.raises(LeaseLost):
        late.take_request()
    sink = StoreSink(store, run_id, Attempt(run.attempt, this_process()))
    assert sink.take_request() is Action.PAUSE
    lock.release()


def snapshot(store: RunStore) -> list[tuple[object, ...]]:
    """All that the store holds of its runs."""
    with store.database.connect() as connection:
        return [
            tuple(row)
            for table in ("runs", "epochs", "batches")
            for row in connection.execute(f"SELECT * FROM {table}")
        ]


def test_each_write_renews_the_lease_by_the_store_hosts_clock(
    store: RunStore, clock: Callable[[float], None]
) -> None:
    run_id, lock = held_run(store)
    run = store.transition(run_id, RunState.RUNNING)
    sink = StoreSink(store, run_id, Attempt(run.attempt, this_process()))
    for write in (
        lambda: sink.record(PROGRESS),
        lambda: sink.describe(train_images=3),
        lambda: sink.transition(RunState.PAUSED),
    ):
        clock(5)
        write()
        found = lease(store, run_id)
        assert found["lease_owner"] == this_process()
        assert found["lease_expires"] == pytest.approx(time.time() + LEASE_SECONDS, abs=2)
    # What the trainer's own clock shows is nowhere used.
    progress = store.get(run_id).progress
    assert progress is not None
    assert progress.heartbeat == pytest.approx(time.time() - 10, abs=2)
    store.transition(run_id, RunState.STOPPING)
    store.transition(run_id, RunState.STOPPED)
    assert tuple(lease(store, run_id)) == (None, None, 1)
    lock.release()


def test_a_restarted_run_has_a_new_attempt(store: RunStore) -> None:
    run_id, lock = held_run(store)
    numbers = [store.get(run_id).attempt]
    for _ in range(2):
        numbers.append(store.transition(run_id, RunState.RUNNING).attempt)
        store.transition(run_id, RunState.STOPPING)
        store.transition(run_id, RunState.STOPPED)
        store.transition(run_id, RunState.QUEUED)
    assert numbers == [0, 1, 2]
    lock.release()
