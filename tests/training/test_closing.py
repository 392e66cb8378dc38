"""What trains in a program that is ended: its weights are saved, and nothing begins any more."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.parameters import Choices
from cifarviz.experiment.study import Study
from cifarviz.runs.artifacts import checkpoint_path, load_facts
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.studies import get_study, is_searching, stored_trials
from cifarviz.settings import Settings
from cifarviz.training.study_driver import Studies
from cifarviz.ui import cache, shutdown
from tests.waiting import wait_until

Make = Callable[..., Experiment]


@pytest.fixture
def end_server(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> Callable[[], None]:
    """End a server that has this worker, but not its process, which is this one."""
    exits: list[bool] = []
    monkeypatch.setattr(cache, "_WORKERS", [worker])
    monkeypatch.setattr(shutdown, "_exit", lambda: exits.append(True))

    async def serve() -> None:
        async with shutdown.lifespan(None):
            assert not exits

    def end() -> None:
        asyncio.run(serve())
        wait_until(lambda: exits)

    return end


def start(worker: Worker, experiment: Experiment) -> Run:
    run = worker.submit(experiment, "mine")
    wait_until(lambda: len(worker.store.batch_points(run.id)))
    return run


def saved_step(worker: Worker, run: Run) -> Any:
    return load_facts(checkpoint_path(worker.store.folder(run.id), "last"))["step"]


def test_a_run_keeps_its_unfinished_epoch_and_the_next_one_waits(
    settings: Settings, worker: Worker, make_experiment: Make, end_server: Callable[[], None]
) -> None:
    run = start(worker, make_experiment(epochs=500))
    waiting = worker.submit(make_experiment(epochs=1), "next")
    step = worker.store.batch_points(run.id).steps[-1]
    end_server()
    ended = worker.wait(run.id, 10)
    assert (ended.state, ended.message) == (
        RunState.INTERRUPTED,
        "The program was ended while this run trained. Its weights are saved: resume it from "
        "there.",
    )
    assert saved_step(worker, run) >= step
    assert worker.store.get(waiting.id).state is RunState.QUEUED
    # In the next program it goes on from there; this one still owns the other.
    worker.store.request(waiting.id, Action.STOP)
    again = Worker(settings, "dashboard")
    again.resume(run.id)
    wait_until(lambda: again.store.get(run.id).epochs_done > ended.epochs_done)
    again.store.request(run.id, Action.STOP)
    assert again.wait(run.id, 10).state is RunState.STOPPED


def test_a_run_that_a_person_stops_at_that_moment_is_stopped(
    worker: Worker, make_experiment: Make, end_server: Callable[[], None]
) -> None:
    run = start(worker, make_experiment(epochs=500))
    worker.store.request(run.id, Action.STOP)
    end_server()
    assert worker.wait(run.id, 10).state is RunState.STOPPED


def test_a_study_goes_on_with_the_next_program(
    worker: Worker, make_experiment: Make, end_server: Callable[[], None]
) -> None:
    study = Study.make(
        base=make_experiment(epochs=500),
        parameters=[Choices(key="flip", values=(True, False)).model_dump()],
        trials=2,
    )
    record = Studies(worker).start(study, "Ended")
    wait_until(lambda: any(t.epochs for t in stored_trials(worker.store, record.id)))
    end_server()
    wait_until(lambda: not is_searching(worker.store, record.id))
    [trial] = stored_trials(worker.store, record.id)
    assert trial.run.state is RunState.INTERRUPTED
    assert get_study(worker.store, record.id).state == "open"
