"""Several runs train at once on this computer, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cifarviz import free_memory, processor
from cifarviz.executors import processes
from cifarviz.executors.processes import ProcessExecutor
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.waiting import wait_until

SOON = 100.0
pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="reads which cores a process has"
)


@pytest.fixture
def two_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two places of one core each, on any computer, with the threads of this process."""
    cores = sorted(os.sched_getaffinity(0))
    shares = ((cores[0],), (cores[-1],))
    monkeypatch.setattr(processor, "core_shares", lambda count: shares[:count])
    threads = processor.in_use().environment()
    given = {name: threads[name] for name in processor.VARIABLES if name in threads}
    monkeypatch.setattr(processor, "_GIVEN", given)
    return replace(settings, runs_at_once=2)


@pytest.fixture
def worker(two_at_once: Settings) -> Iterator[Worker]:
    """A worker with two places, whose runs and processes are over when the test is."""
    worker = Worker(two_at_once, "dashboard")
    yield worker
    worker.store.stop_all([run.id for run in worker.store.active()])
    wait_until(lambda: not worker.store.active())
    for process in executor(worker)._processes.values():
        process.end()


def executor(worker: Worker) -> ProcessExecutor:
    assert isinstance(worker._executor, ProcessExecutor)
    return worker._executor


def experiment(**fields: object) -> Experiment:
    return stored_runs.experiment(**{"precision": "float32", "batch_size": 64} | fields)


def endless() -> Experiment:
    return experiment(epochs=900, batch_size=8)


def test_two_runs_train_at_once_and_end_as_in_a_thread(worker: Worker, settings: Settings) -> None:
    store = worker.store
    runs = [worker.submit(experiment(), name) for name in ("one", "two", "three")]
    wait_until(lambda: all(process.is_alive() for process in executor(worker)._processes.values()))
    ended = [worker.wait(run.id, SOON) for run in runs]
    assert [(run.state, run.message) for run in ended] == [(RunState.FINISHED, None)] * 3
    first, second, third = ended
    assert first.started is not None
    assert second.started is not None
    assert third.started is not None
    assert second.started < (first.ended or 0)
    assert third.started >= min(first.ended or 0, second.ended or 0)
    assert {run.machine for run in ended} == {processor.machine_name(1)}
    # The third had a process that was there already.
    assert len(executor(worker)._processes) == 2
    assert (third.ended or 0) - third.started < (first.ended or 0) - first.started

    thread = Worker(settings, "command line")
    local = thread.wait(thread.submit(experiment(), "in a thread").id, SOON)
    assert local.machine == processor.machine_name()
    for run in ended:
        histories = [[tuple(e)[:-1] for e in store.epochs(one.id)] for one in (run, local)]
        assert histories[0] == histories[1] != []
        here, there = (
            load_arrays(checkpoint_path(store.folder(one.id), "last"))[0] for one in (run, local)
        )
        assert here.keys() == there.keys()
        assert all((here[name] == there[name]).all() for name in here)


def test_a_run_is_stopped_while_its_process_starts_and_within_a_second(worker: Worker) -> None:
    store = worker.store
    early = worker.submit(endless(), "stopped early")
    wait_until(lambda: executor(worker)._processes)
    store.request(early.id, Action.STOP)
    began = time.monotonic()
    stopped = worker.wait(early.id, SOON)
    assert (stopped.state, stopped.message) == (RunState.STOPPED, None)
    assert time.monotonic() - began < 3
    run = worker.resume(early.id)
    wait_until(lambda: len(store.batch_points(run.id)))
    store.request(run.id, Action.PAUSE)
    wait_until(lambda: store.get(run.id).state is RunState.PAUSED)
    store.request(run.id, Action.RESUME)
    wait_until(lambda: store.get(run.id).state is RunState.RUNNING)
    store.request(run.id, Action.STOP)
    assert worker.wait(run.id, SOON).state is RunState.STOPPED
    assert checkpoint_path(store.folder(run.id), "last").exists()


def test_a_killed_process_interrupts_its_run_and_the_next_one_goes_on(worker: Worker) -> None:
    # One place, so that the next run needs the same.
    executor(worker).places = 1
    store = worker.store
    run, after = worker.submit(endless(), "killed"), worker.submit(experiment(epochs=1), "next")
    wait_until(lambda: len(store.epochs(run.id)))
    os.kill(executor(worker)._processes[0].pid, signal.SIGKILL)
    killed = worker.wait(run.id, SOON)
    assert killed.state is RunState.INTERRUPTED
    assert killed.message is not None
    assert killed.message.startswith(
        "The process that trained this run was killed by signal 9. Usually that means that"
    )
    assert killed.message.endswith("Resume it from its last checkpoint.")
    assert worker.wait(after.id, SOON).state is RunState.FINISHED
    worker.resume(run.id)
    wait_until(lambda: store.get(run.id).epochs_done > killed.epochs_done)


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "memory ran out"), (1, "memory ran out"), (-11, "crashed"), (-6, "crashed")],
)
def test_a_crash_is_not_said_to_be_for_want_of_memory(code: int, words: str) -> None:
    message = processes.describe_exit(code)
    assert words in message
    assert "Resume it from its last checkpoint" in message


def test_an_idle_process_ends_and_a_new_one_trains_the_next_run(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_IDLE_SECONDS", 0.3)
    worker.wait(worker.submit(experiment(epochs=1), "first").id, SOON)
    idle = executor(worker)._processes[0]
    wait_until(lambda: not idle.is_alive())
    # As if it had ended just after it was looked at.
    looks = [True]
    monkeypatch.setattr(idle, "is_alive", lambda: bool(looks and looks.pop()))
    monkeypatch.setattr(processes, "_IDLE_SECONDS", 30)
    done = worker.wait(worker.submit(experiment(epochs=1), "second").id, SOON)
    assert (done.state, done.message) == (RunState.FINISHED, None)


_PARENT = """
import os, time
from cifarviz import processor
from cifarviz.executors.worker import Worker
from cifarviz.settings import Settings
from tests.executors.test_processes import endless

core = min(os.sched_getaffinity(0))
processor.core_shares = lambda count: ((core,),) * count
worker = Worker(Settings.from_environment(), "command line")
run = worker.submit(endless(), "orphan")
while not len(worker.store.batch_points(run.id)):
    time.sleep(0.05)
print(run.id, worker._executor._processes[0].pid, flush=True)
time.sleep(600)
"""


def test_a_process_ends_with_its_parent_and_the_run_is_interrupted(settings: Settings) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        env={**os.environ, **settings.environment(), "CIFARVIZ_RUNS_AT_ONCE": "2"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        run_id, pid = parent.stdout.readline().split()
        parent.kill()
        wait_until(lambda: not is_running(int(pid)), 5)
    run = RunStore(settings).get(run_id)
    assert run.state is RunState.INTERRUPTED
    assert run.resumable


def is_running(process: int) -> bool:
    return free_memory.used_bytes(process) is not None


def test_a_second_run_waits_for_memory_and_the_first_does_not(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [0]
    monkeypatch.setattr(free_memory, "available_bytes", lambda: free[0])
    monkeypatch.setattr(free_memory, "used_bytes", lambda process: free_memory.RUN_BYTES // 2)
    places = executor(worker)
    first = places.reserve()
    assert first is not None
    assert places.reserve() is None
    free[0] = free_memory.RUN_BYTES
    second = places.reserve()
    assert second is not None
    assert places.reserve() is None
    assert (first.owner, second.owner) == (
        f"process {os.getpid()}, place 1",
        f"process {os.getpid()}, place 2",
    )
    second.release()
    # What a process that has just started will take is not free.
    process = processes.TrainingProcess(worker.settings, (min(os.sched_getaffinity(0)),))
    places._processes[0] = process
    assert places.reserve() is None
    free[0] += free_memory.RUN_BYTES // 2
    again = places.reserve()
    assert again is not None
    again.release()
    first.release()


def test_programs_of_one_home_share_its_places(worker: Worker) -> None:
    other = ProcessExecutor(worker.store)
    first, second = executor(worker).reserve(), other.reserve()
    assert first is not None
    assert second is not None
    assert executor(worker).reserve() is None
    assert other.reserve() is None
    first.release()
    third = other.reserve()
    assert third is not None
    third.release()
    second.release()


def test_one_run_at_a_time_trains_in_a_thread(settings: Settings) -> None:
    assert not isinstance(Worker(settings, "dashboard")._executor, ProcessExecutor)
