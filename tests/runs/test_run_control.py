"""Requests reach the worker once; a run whose worker has died is interrupted."""

import subprocess
import sys
from pathlib import Path

import pytest

from cifarviz.errors import TransitionRefused
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.runs.held_run import epoch, held_run


def test_a_queued_run_is_stopped_at_once(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.request(run_id, Action.STOP)
    assert store.get(run_id).state is RunState.STOPPED


def test_the_worker_receives_a_request_once(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    assert store.take_request(run_id) is None
    store.request(run_id, Action.PAUSE)
    assert store.get(run_id).requested == "pause"
    assert store.take_request(run_id) is Action.PAUSE
    assert store.take_request(run_id) is None
    assert store.get(run_id).requested is None


def test_a_stop_takes_precedence_over_later_requests(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    store.request(run_id, Action.STOP)
    store.request(run_id, Action.STOP)
    store.request(run_id, Action.PAUSE)
    assert store.take_request(run_id) is Action.STOP
    store.transition(run_id, RunState.STOPPING)
    assert store.take_request(run_id) is None


def test_a_stop_is_requested_until_the_run_is_stopping(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    store.request(run_id, Action.STOP)
    assert store.take_request(run_id) is Action.STOP
    assert store.get(run_id).requested == "stop"
    store.transition(run_id, RunState.STOPPING)
    assert store.get(run_id).requested is None


def test_pausing_a_queued_run_is_refused(store: RunStore) -> None:
    run_id, _lock = held_run(store)
    with pytest.raises(TransitionRefused, match="queued"):
        store.request(run_id, Action.PAUSE)


def test_queued_runs_train_in_order(store: RunStore) -> None:
    (first, _a), (second, _b) = held_run(store, "first"), held_run(store, "second")
    assert (store.is_next(first), store.is_next(second)) == (True, False)
    store.transition(first, RunState.RUNNING)
    assert store.is_next(second)
    assert [run.name for run in store.active()] == ["first", "second"]


def test_an_active_run_with_a_free_lock_is_interrupted(store: RunStore) -> None:
    run_id, lock = held_run(store)
    store.transition(run_id, RunState.RUNNING)
    assert store.get(run_id).state is RunState.RUNNING
    lock.release()
    run = store.get(run_id)
    assert run.state is RunState.INTERRUPTED
    assert "ended too early" in (run.message or "")


def test_a_killed_process_leaves_an_interrupted_run_with_its_history(settings: Settings) -> None:
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
lock = locks.acquire(store.lock_path(run_id))
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
