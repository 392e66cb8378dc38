"""Runs that train on when this process ends, and go on elsewhere when what trained them is lost."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from cifarviz.executors import registry
from cifarviz.executors.executor import Job
from cifarviz.executors.worker import Worker
from cifarviz.runs import locks
from cifarviz.runs.leases import CLUSTER_LEASE_SECONDS, LEASE_SECONDS, cluster_owner, is_leased
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from tests import stored_runs

SOON = 60.0
OWNER = cluster_owner("head:6379")
LOST = Ending(RunState.INTERRUPTED, "The node lab-2, which trained this run, was lost.")


@dataclass(frozen=True)
class MadeUpPlace:
    """A place of which there is always one more."""

    owner: str

    def release(self) -> None:
        """Nothing is taken."""


class MadeUpCluster:
    """An executor whose runs end as ``end`` says."""

    places = 1
    end: Callable[[Job], Ending]
    watched: list[tuple[str, int]]

    def __init__(self, store: RunStore) -> None:
        self.store = store

    def reserve(self) -> MadeUpPlace:
        return MadeUpPlace(OWNER)

    def attach(self, owner: str) -> MadeUpPlace | None:
        return MadeUpPlace(owner) if owner == OWNER else None

    def train(self, job: Job) -> Ending:
        return type(self).end(job)

    def watch(self, job: Job) -> Ending:
        type(self).watched.append((job.run.id, job.attempt.number))
        return type(self).end(job)


@pytest.fixture
def worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(registry, "EXECUTORS", {"made-up": MadeUpCluster})
    monkeypatch.setattr(MadeUpCluster, "watched", [], raising=False)
    return Worker(replace(settings, executor="made-up"), "dashboard")


def end_with(monkeypatch: pytest.MonkeyPatch, end: Callable[[Job], Ending]) -> None:
    monkeypatch.setattr(MadeUpCluster, "end", staticmethod(end), raising=False)


def test_a_lost_run_goes_on_three_times_before_others_and_says_so(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    both_queued = threading.Event()

    def end(job: Job) -> Ending:
        begun.append(job.run.name)
        both_queued.wait(SOON)
        return LOST if job.run.name == "unlucky" else Ending(RunState.FINISHED)

    end_with(monkeypatch, end)
    unlucky = worker.submit(stored_runs.experiment(), "unlucky")
    other = worker.submit(stored_runs.experiment(), "other")
    both_queued.set()
    ended = worker.wait(unlucky.id, SOON)
    worker.wait(other.id, SOON)
    assert begun == ["unlucky"] * 4 + ["other"]
    assert (ended.state, ended.message) == (RunState.INTERRUPTED, LOST.message)
    times = [f"It went on from its last checkpoint ({n} of 3)." for n in (1, 2, 3)]
    assert ended.note == " ".join(f"{LOST.message} {went_on}" for went_on in times)
    # A person may resume it.
    end_with(monkeypatch, lambda _job: Ending(RunState.FINISHED))
    assert worker.wait(worker.resume(unlucky.id).id, SOON).state is RunState.FINISHED


def test_a_paused_run_that_is_lost_waits_for_its_person(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(job: Job) -> Ending:
        job.sink.transition(RunState.PAUSED)
        return LOST

    end_with(monkeypatch, end)
    ended = worker.wait(worker.submit(stored_runs.experiment(), "paused").id, SOON)
    assert (ended.state, ended.attempt, ended.note) == (RunState.INTERRUPTED, 1, None)


def left_alone(store: RunStore, owner: str = OWNER) -> Run:
    """A run that trains, and that no process watches."""
    run_id = new_run_id()
    lock = locks.acquire(store.lock_path(run_id))
    assert lock is not None
    store.create(run_id, stored_runs.experiment(), "left alone", "dashboard")
    run = store.transition(run_id, RunState.RUNNING, owner=owner)
    lock.release()
    return run


def test_a_process_that_starts_watches_the_runs_that_an_earlier_one_left(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with(monkeypatch, lambda _job: Ending(RunState.FINISHED))
    store = worker.store
    ours, elsewhere = left_alone(store), left_alone(store, cluster_owner("other:6379"))
    watched = left_alone(store)
    lock = locks.acquire(store.lock_path(watched.id))
    assert store.detached().keys() == {ours.id, elsewhere.id}
    worker.adopt()
    assert worker.wait(ours.id, SOON).state is RunState.FINISHED
    assert MadeUpCluster.watched == [(ours.id, 1)]
    assert [store.get(run.id).state for run in (elsewhere, watched)] == [RunState.RUNNING] * 2
    assert store.detached().keys() == {elsewhere.id}
    assert lock is not None
    lock.release()


def test_a_cluster_is_given_a_quarter_of_an_hour() -> None:
    assert is_leased(OWNER, 1000.0 + CLUSTER_LEASE_SECONDS, 1000.0)
    assert not is_leased(OWNER, 1001.0 + CLUSTER_LEASE_SECONDS, 1000.0)
    assert not is_leased("node a", 1000.0 + CLUSTER_LEASE_SECONDS, 1000.0)


@pytest.fixture
def store_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = time.time()
    return lambda later: monkeypatch.setattr(time, "time", lambda: now + later)


def test_a_run_that_nobody_watches_for_longer_is_interrupted(
    settings: Settings, store_clock: Callable[[float], None]
) -> None:
    store = RunStore(settings)
    run = left_alone(store)
    store_clock(2 * LEASE_SECONDS)
    assert store.get(run.id).state is RunState.RUNNING
    store_clock(CLUSTER_LEASE_SECONDS + 1)
    assert store.get(run.id).state is RunState.INTERRUPTED
