"""Queued runs whose process has ended: queued, not blocking, and adoptable."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarviz.errors import TransitionRefused
from cifarviz.executors.executor import Job
from cifarviz.executors.local import LocalExecutor
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs import locks
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from tests.runs.held_run import held_run

Make = Callable[..., Any]
SOON = 30.0
_QUEUES_TWO_AND_DIES = """
import os, signal, sys
from cifarviz.experiment.experiment import Experiment
from cifarviz.settings import Settings
from cifarviz.executors.worker import Worker
worker = Worker(Settings.from_environment(), "command line")
experiment = Experiment.from_json(sys.stdin.read())
for name in ("older", "newer"):
    print(worker.submit(experiment, name).id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A run is trained by being noted here."""
    ids: list[str] = []

    def train(executor: LocalExecutor, job: Job) -> Ending:
        ids.append(job.run.id)
        return Ending(RunState.FINISHED)

    monkeypatch.setattr(LocalExecutor, "train", train)
    return ids


def orphan(store: RunStore, experiment: Experiment, name: str = "orphan") -> str:
    run_id, lock = held_run(store, name, experiment)
    lock.release()
    return run_id


def killed_with_two_in_the_queue(experiment_json: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _QUEUES_TWO_AND_DIES],
        input=experiment_json,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.split()


def test_queued_runs_of_a_killed_process_stay_queued(
    worker: Worker, make_experiment: Make, trained: list[str]
) -> None:
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    ids = killed_with_two_in_the_queue(make_experiment().to_json())
    left = [worker.store.get(run_id) for run_id in ids]
    assert [(run.state, run.orphaned, run.resumable) for run in left] == [
        (RunState.QUEUED, True, True)
    ] * 2
    own = worker.submit(make_experiment(), "own")
    worker.adopt()
    assert not any(run.orphaned for run in worker.store.active())
    slot.release()
    assert worker.wait(own.id, SOON).state is RunState.FINISHED
    # The oldest first, though this process took them up after its own.
    assert trained == [*ids, own.id]


def test_an_orphaned_run_does_not_block_the_queue_and_is_not_trained_unadopted(
    worker: Worker, make_experiment: Make, trained: list[str]
) -> None:
    left = orphan(worker.store, make_experiment())
    own = worker.submit(make_experiment(), "own")
    assert worker.wait(own.id, SOON).state is RunState.FINISHED
    assert trained == [own.id]
    assert worker.store.get(left).orphaned


def test_a_worker_adopts_orphaned_runs_again_after_each_run(
    worker: Worker, make_experiment: Make, trained: list[str]
) -> None:
    worker.adopt()
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    own = worker.submit(make_experiment(), "own")
    left = orphan(worker.store, make_experiment())
    slot.release()
    assert worker.wait(left, SOON).state is RunState.FINISHED
    assert trained == [own.id, left]


def test_each_orphaned_run_is_adopted_by_one_worker_only(
    settings: Settings, make_experiment: Make, trained: list[str]
) -> None:
    store = RunStore(settings)
    left = [orphan(store, make_experiment(), f"orphan {number}") for number in range(3)]
    workers = [Worker(settings, "dashboard") for _ in range(4)]
    together = threading.Barrier(len(workers))

    def adopt(one: Worker) -> None:
        together.wait()
        one.adopt()

    threads = [threading.Thread(target=adopt, args=(one,)) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [workers[0].wait(run_id, SOON).state for run_id in left] == [RunState.FINISHED] * 3
    assert trained == left


def test_an_orphaned_run_can_be_resumed_only_once(
    worker: Worker, make_experiment: Make, trained: list[str]
) -> None:
    left = orphan(worker.store, make_experiment())
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    queued = worker.store.get(left)
    assert worker.resume(left).state is RunState.QUEUED
    assert not worker.store.get(left).orphaned
    with pytest.raises(TransitionRefused, match="is queued"):
        worker.resume(left)
    slot.release()
    done = worker.wait(left, SOON)
    assert (done.state, done.created) == (RunState.FINISHED, queued.created)
    assert trained == [left]


def test_an_orphaned_run_can_be_stopped_and_deleted(worker: Worker, make_experiment: Make) -> None:
    left = orphan(worker.store, make_experiment())
    worker.store.request(left, Action.STOP)
    assert worker.store.get(left).state is RunState.STOPPED
    worker.adopt()
    assert worker.store.get(left).state is RunState.STOPPED
    worker.store.delete(left)
    assert worker.store.all() == []


def test_a_run_given_up_here_is_not_adopted_again(
    worker: Worker,
    make_experiment: Make,
    trained: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = orphan(worker.store, make_experiment())

    def refused(*_arguments: object, **_facts: object) -> None:
        raise KeyError("x")

    with monkeypatch.context() as broken:
        # Neither can it begin, nor can it be said that it failed.
        broken.setattr(RunStore, "transition", refused)
        broken.setattr(RunStore, "fail", refused)
        worker.adopt()
        while not worker.store.get(left).orphaned:
            worker.wait(left, 0.01)
    worker.adopt()
    assert worker.store.get(left).orphaned
    assert worker.wait(worker.resume(left).id, SOON).state is RunState.FINISHED
    assert trained == [left]


def test_a_run_inserted_while_the_queue_is_read_keeps_its_owner(
    worker: Worker, make_experiment: Make, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    read = RunStore.queue
    submissions: list[threading.Thread] = []

    def read_before_it_is_entered(store: RunStore) -> list[str]:
        waiting = read(store)
        if threading.current_thread().name == "cifarviz-worker" and not submissions:
            submissions.append(
                threading.Thread(target=worker.submit, args=(make_experiment(), "second"))
            )
            submissions[0].start()
            # What has read the queue holds up who enters a run, so this may not come to an end.
            submissions[0].join(0.5)
        return waiting

    monkeypatch.setattr(RunStore, "queue", read_before_it_is_entered)
    first = worker.submit(make_experiment(), "first")
    while not submissions:
        worker.wait(first.id, 0.01)
    submissions[0].join(SOON)
    assert [run.name for run in worker.store.active() if run.orphaned] == []
    slot.release()
    for run in worker.store.active():
        assert worker.wait(run.id, SOON).state is RunState.FINISHED
    assert len(trained) == 2
