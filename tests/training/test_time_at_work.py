"""Times of epochs, validation and runs exclude pauses."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import TestValidation
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.training import recorder as recorder_module
from cifarviz.training.recorder import Recorder
from cifarviz.training.step import TrainingStep, ValidationStep
from tests.waiting import wait_until

Make = Callable[..., Any]
LONG = 1000.0
SOON = 60.0


class Clock:
    """The recorder's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.forward = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.forward

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Only a paused run sleeps, and then for long."""
        self.forward += LONG
        time.sleep(seconds / 10)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(recorder_module, "time", made)
    return made


@pytest.mark.parametrize("step", [TrainingStep, ValidationStep])
def test_pauses_do_not_count_for_epochs_or_validation(
    step: type,
    clock: Clock,
    worker: Worker,
    make_experiment: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, calls, validation = step.__call__, [], []

    def calling(self: Any, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            # Asked for here, it is heard before the next step.
            worker.store.request(run_ids[0], Action.PAUSE)
            monkeypatch.setattr(Recorder, "_resume_or_stop", resume)
        return real(self, *arguments)

    def resume(self: Recorder) -> Action:
        clock.sleep(0.0)
        worker.store.transition(run_ids[0], RunState.RUNNING)
        paused.append(clock.forward)
        return Action.RESUME

    enter = Recorder.enter

    def entering(self: Recorder, phase: str) -> None:
        validation.append(self.seconds_per_validation)
        enter(self, phase)

    run_ids: list[str] = []
    paused: list[float] = []
    monkeypatch.setattr(step, "__call__", calling)
    monkeypatch.setattr(Recorder, "enter", entering)
    monkeypatch.setattr(recorder_module, "POLL_SECONDS", 0.0)
    experiment = make_experiment(epochs=2, validation=TestValidation())
    began = time.monotonic()
    with worker._changed:  # the thread cannot begin before the id is known here
        run_ids.append(worker.submit(experiment, "paused").id)
    run = worker.wait(run_ids[0], SOON)
    took = time.monotonic() - began
    assert run.state is RunState.FINISHED
    assert paused == [LONG]
    epochs = worker.store.epochs(run.id)
    assert sum(one.seconds for one in epochs) <= run.seconds < took + 1
    assert max(validation) < LONG


def test_a_resumed_epoch_includes_the_time_before_the_stop(
    clock: Clock, worker: Worker, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TrainingStep.__call__
    spent: list[float] = []
    run_ids: list[str] = []

    def slow(self: TrainingStep, batches: np.ndarray, *rest: Any) -> Any:
        clock.forward += LONG
        spent.append(LONG)
        if len(spent) == 2:
            worker.store.request(run_ids[0], Action.STOP)
        return real(self, batches, *rest)

    monkeypatch.setattr(TrainingStep, "__call__", slow)
    monkeypatch.setattr(recorder_module, "POLL_SECONDS", 0.0)
    with worker._changed:
        run_ids.append(worker.submit(make_experiment(epochs=1), "stopped").id)
    stopped = worker.wait(run_ids[0], SOON)
    assert (stopped.state, stopped.epochs_done) == (RunState.STOPPED, 0)
    assert len(spent) == 2
    done = worker.wait(worker.resume(stopped.id).id, SOON)
    assert done.state is RunState.FINISHED
    [epoch] = worker.store.epochs(done.id)
    assert len(spent) > 2
    assert sum(spent) <= epoch.seconds < sum(spent) + LONG / 2
    assert epoch.seconds <= done.seconds
    assert stopped.seconds >= 2 * LONG


def test_training_time_excludes_pauses_and_continues_after_a_resume(
    clock: Clock, worker: Worker, make_experiment: Make
) -> None:
    store = worker.store
    run_id = worker.submit(make_experiment(epochs=1000), "paused").id

    def now() -> Run:
        return store.get(run_id)

    wait_until(lambda: (progress := now().progress) is not None and progress.step > 0)
    store.request(run_id, Action.PAUSE)
    wait_until(lambda: now().state is RunState.PAUSED)
    wait_until(lambda: clock.forward >= 3 * LONG)
    assert now().seconds < LONG
    store.request(run_id, Action.STOP)
    stopped = worker.wait(run_id, SOON)
    assert 0 < stopped.seconds < LONG

    # The new attempt begins on the engine's clock, which was not put forward.
    clock.forward = 0.0
    worker.resume(run_id)
    wait_until(lambda: now().seconds > stopped.seconds)
    moved = now()
    assert moved.state is RunState.RUNNING
    store.request(run_id, Action.STOP)
    again = worker.wait(run_id, SOON)
    assert moved.seconds <= again.seconds < LONG
