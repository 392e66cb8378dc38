"""One slot, a queue, and any number of processes."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from cifarviz.errors import (
    DatasetNotFound,
    ExperimentInvalid,
    RunError,
    RunNotFound,
    TransitionRefused,
)
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.runs import locks
from cifarviz.runs.states import Action, RunState
from cifarviz.settings import Settings
from tests.waiting import wait_until


def test_runs_are_trained_in_queue_order(worker: Worker, make_experiment: Callable) -> None:
    runs = [worker.submit(make_experiment(epochs=1), name) for name in ("a", "b", "c")]
    ended = [worker.wait(run.id) for run in runs]
    assert [run.state for run in ended] == [RunState.FINISHED] * 3
    moments = [moment for run in ended for moment in (run.started or 0, run.ended or 0)]
    assert moments == sorted(moments)
    assert moments[0] > 0


def test_a_queued_run_can_be_stopped_and_queued_again(
    worker: Worker, make_experiment: Callable
) -> None:
    first = worker.submit(make_experiment(epochs=400), "first")
    second = worker.submit(make_experiment(epochs=1), "second")
    worker.store.request(second.id, Action.STOP)
    assert worker.store.get(second.id).state is RunState.STOPPED
    assert worker.resume(second.id).state is RunState.QUEUED
    worker.store.request(first.id, Action.STOP)
    assert worker.wait(second.id).state is RunState.FINISHED


def test_a_run_waits_for_the_slot_of_another_process(
    worker: Worker, make_experiment: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    acquire, tried = locks.acquire, []

    def acquire_counted(path: Path, *arguments: float) -> FileLock | None:
        tried.append(path)
        return acquire(path, *arguments)

    monkeypatch.setattr(locks, "acquire", acquire_counted)
    run = worker.submit(make_experiment(epochs=1), "patient")
    wait_until(lambda: tried.count(worker.store.slot_path()) >= 3)
    assert worker.store.get(run.id).state is RunState.QUEUED
    slot.release()
    assert worker.wait(run.id).state is RunState.FINISHED


def test_two_workers_of_one_home_share_the_slot(
    settings: Settings, worker: Worker, make_experiment: Callable
) -> None:
    other = Worker(settings, "command line")
    runs = [w.submit(make_experiment(epochs=3), "x") for w in (worker, other, worker, other)]
    ended = [worker.wait(run.id) for run in runs]
    assert {run.state for run in ended} == {RunState.FINISHED}
    spans = sorted((run.started or 0, run.ended or 0) for run in ended)
    assert all(one[1] <= next_one[0] for one, next_one in itertools.pairwise(spans))


def test_a_run_has_only_one_owner(
    settings: Settings, worker: Worker, make_experiment: Callable
) -> None:
    other = Worker(settings, "command line")
    trains = worker.submit(make_experiment(epochs=300), "trains")
    waits = worker.submit(make_experiment(epochs=300), "waits")
    for run in (trains, waits):
        # Its state alone would refuse it in other words.
        with pytest.raises(RunError, match="Another process is training run"):
            other.resume(run.id)
        assert worker.store.get(run.id).state.active
    other.adopt()
    worker.store.stop_all([trains.id, waits.id])
    assert [worker.wait(run.id).state for run in (trains, waits)] == [RunState.STOPPED] * 2
    assert worker.store.epochs(waits.id) == []


def test_a_finished_run_cannot_be_resumed(worker: Worker, make_experiment: Callable) -> None:
    run = worker.wait(worker.submit(make_experiment(epochs=1), "done").id)
    with pytest.raises(TransitionRefused, match="finished all its epochs"):
        worker.resume(run.id)
    with pytest.raises(TransitionRefused, match="finished"):
        worker.store.request(run.id, Action.STOP)


def test_an_invalid_experiment_is_refused_before_anything_is_stored(
    worker: Worker, make_experiment: Callable
) -> None:
    with pytest.raises(ExperimentInvalid, match="batch"):
        worker.submit(make_experiment(batch_size=4000, data=Data(train_images=100)), "too big")
    with pytest.raises(DatasetNotFound, match="data fetch cifar10"):
        worker.submit(make_experiment(data=Data(variant="full")), "not here")
    with pytest.raises(RunNotFound):
        worker.resume("nowhere")
    assert worker.store.all() == []


def test_a_small_network_writes_at_most_four_times_a_second(
    worker: Worker, make_experiment: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = type(worker.store).record
    calls: list[float] = []

    def counted(store: object, *arguments: object, **options: object) -> None:
        calls.append(time.monotonic())
        record(store, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(worker.store), "record", counted)
    run = worker.submit(
        make_experiment(epochs=1, batch_size=1, data=Data(variant="sample", train_images=2000)),
        "many batches",
    )
    done = worker.wait(run.id)
    assert len(worker.store.batch_points(run.id)) == 2000
    # The end of the epoch and the change to validation are written at once.
    assert len(calls) <= 4 * done.seconds + 3
