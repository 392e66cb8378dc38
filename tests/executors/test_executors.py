"""Any executor can train queued runs."""

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from cifarviz.data.importing.importer import prepare_import
from cifarviz.errors import LeaseLost, SettingInvalid
from cifarviz.executors import registry
from cifarviz.executors.executor import Job
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.leases import this_process
from cifarviz.runs.snapshots import snapshot_epochs
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from tests import stored_runs
from tests.executors.subprocess_executor import OneMore, SubprocessExecutor
from tests.picture_sources import fruits, write_folder

SOON = 120.0
Make = Callable[[type], Worker]


@pytest.fixture
def make_worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A worker with an executor that is registered for this test."""

    def make(executor: type) -> Worker:
        monkeypatch.setattr(registry, "EXECUTORS", {**registry.EXECUTORS, "made-up": executor})
        return Worker(replace(settings, executor="made-up"), "dashboard")

    return make


@pytest.fixture
def _no_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves a page as the main module, which a new process would import."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))


@pytest.mark.usefixtures("_no_main_module")
def test_a_run_is_trained_stopped_and_resumed_in_a_process_without_the_store(
    make_worker: Make, settings: Settings
) -> None:
    fields = {"validation": TestValidation(), "batch_size": 64, "precision": "float32"}
    experiment = stored_runs.experiment(**fields)
    worker = make_worker(SubprocessExecutor)
    store = worker.store
    run = worker.submit(experiment, "elsewhere")
    while not store.epochs(run.id):
        assert worker.wait(run.id, 0.02).state.active, store.get(run.id).message
    store.request(run.id, Action.STOP)
    stopped = worker.wait(run.id, SOON)
    assert (stopped.state, stopped.message) == (RunState.STOPPED, None)
    done = worker.wait(worker.resume(run.id).id, SOON)
    assert (done.state, done.message, done.epochs_done) == (RunState.FINISHED, None, 3)
    assert done.attempt == 2
    assert done.seconds > stopped.seconds > 0
    assert len(store.batch_points(run.id)) == 3 * done.progress.steps_per_epoch  # type: ignore[union-attr]

    whole = Worker(settings, "command line")
    local = whole.wait(whole.submit(experiment, "here").id, SOON)
    assert local.state is RunState.FINISHED
    histories = [[tuple(e)[:-1] for e in store.epochs(one.id)] for one in (done, local)]
    assert histories[0] == histories[1]
    folders = [store.folder(one.id) for one in (done, local)]
    names = [sorted(path.name for path in folder.rglob("*.npz")) for folder in folders]
    assert names[0] == names[1]
    for kind in ("weights", "maps", "predictions"):
        epochs = [snapshot_epochs(folder, kind) for folder in folders]
        assert epochs[0] == epochs[1] != []
    here, there = (load_arrays(checkpoint_path(folder, "last"))[0] for folder in folders)
    assert all((here[name] == there[name]).all() for name in here)


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


@pytest.mark.usefixtures("_no_main_module")
def test_a_run_on_imported_pictures_is_trained_in_a_process_without_the_home(
    make_worker: Make, settings: Settings, tmp_path: Path
) -> None:
    pictures = write_folder(fruits(20), tmp_path / "pictures")
    with prepare_import(pictures, "fruits", settings) as prepared:
        info = prepared.store(settings)
    fields = {"epochs": 1, "batch_size": 16, "precision": "float32"}
    experiment = fit_experiment(stored_runs.experiment(**fields), info)
    worker = make_worker(SubprocessExecutor)
    done = worker.wait(worker.submit(experiment, "fruits").id, SOON)
    assert (done.state, done.message, done.epochs_done) == (RunState.FINISHED, None, 1)
