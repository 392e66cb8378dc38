"""Any executor can train queued runs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from cifarviz.errors import LeaseLost, SettingInvalid
from cifarviz.executors import registry
from cifarviz.executors.executor import Job
from cifarviz.executors.worker import Worker
from cifarviz.runs.leases import this_process
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from tests import stored_runs

SOON = 120.0
Make = Callable[[type], Worker]


@pytest.fixture
def make_worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A worker with an executor that is registered for this test."""

    def make(executor: type) -> Worker:
        monkeypatch.setattr(registry, "EXECUTORS", {**registry.EXECUTORS, "made-up": executor})
        return Worker(replace(settings, executor="made-up"), "dashboard")

    return make


@dataclass(frozen=True)
class OneMore:
    """A place of which there is always one more."""

    owner: str

    def release(self) -> None:
        """Nothing is taken."""


class Together:
    """Trains by waiting until two runs are there at once."""

    places = 2
    barrier: threading.Barrier

    def __init__(self, store: RunStore) -> None:
        self.store = store

    def reserve(self) -> OneMore:
        return OneMore("node a")

    def train(self, job: Job) -> Ending:
        self.barrier.wait(SOON)
        return Ending(RunState.FINISHED)


def test_an_executor_with_two_places_trains_two_runs_at_once(make_worker: Make) -> None:
    Together.barrier = threading.Barrier(2)
    worker = make_worker(Together)
    runs = [worker.submit(stored_runs.experiment(), name) for name in ("a", "b", "c", "d")]
    ended = [worker.wait(run.id, SOON) for run in runs]
    assert {run.state for run in ended} == {RunState.FINISHED}


def test_a_run_restarted_by_another_thread_keeps_its_owner(make_worker: Make) -> None:
    begun_again, next_trained = threading.Event(), threading.Event()
    numbers: list[int] = []

    class ResumedAtOnce:
        """An executor that is its own places."""

        places = 2
        owner = this_process()

        def __init__(self, store: RunStore) -> None:
            pass

        def reserve(self) -> "ResumedAtOnce":
            return self

        def release(self) -> None:
            if numbers == [1]:
                # Its first attempt has ended, and its thread has not let go of it yet.
                worker.resume(run.id)
                assert begun_again.wait(SOON)

        def train(self, job: Job) -> Ending:
            if job.run.name == "next":
                next_trained.set()
                return Ending(RunState.FINISHED)
            numbers.append(job.attempt.number)
            if job.attempt.number == 1:
                return Ending(RunState.FAILED)
            worker.submit(stored_runs.experiment(), "next")
            begun_again.set()
            assert next_trained.wait(SOON)
            # A look at the run marks it as interrupted if nobody holds its lock.
            assert job.store.get(job.run.id).state is RunState.RUNNING
            return Ending(RunState.FINISHED)

    worker = make_worker(ResumedAtOnce)
    with worker._changed:
        run = worker.submit(stored_runs.experiment(), "resumed")
    assert begun_again.wait(SOON)
    ended = worker.wait(run.id, SOON)
    assert (ended.state, ended.message, ended.attempt) == (RunState.FINISHED, None, 2)


def test_a_lost_run_is_left_to_its_new_owner(
    make_worker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []

    class Late(Together):
        places = 1

        def reserve(self) -> OneMore:
            return OneMore(this_process())

        def train(self, job: Job) -> Ending:
            trained.append(job.attempt.number)
            if len(trained) == 1:
                # As a gateway finds a node that came back after its lease had expired.
                with self.store.database.connect(write=True) as connection:
                    connection.execute("UPDATE runs SET attempt = attempt + 1")
                with pytest.raises(LeaseLost):
                    job.sink.describe(train_images=1)
            return Ending(RunState.FAILED, "Its own words.")

    worker = make_worker(Late)
    run = worker.submit(stored_runs.experiment(), "lost")
    left = worker.wait(run.id, SOON)
    assert (left.state, left.train_images) == (RunState.INTERRUPTED, None)
    assert left.message is None or "Its own words" not in left.message
    again = worker.submit(stored_runs.experiment(), "next")
    assert worker.wait(again.id, SOON).message == "Its own words."


def test_an_unknown_executor_is_refused_with_the_known_ones(settings: Settings) -> None:
    with pytest.raises(SettingInvalid, match=r"CIFARVIZ_EXECUTOR is “abacus”.*one of: local"):
        Worker(replace(settings, executor="abacus"), "dashboard")
    assert Settings.from_environment({"CIFARVIZ_EXECUTOR": "abacus"}).executor == "abacus"
    assert Settings.from_environment({}).executor == "local"
