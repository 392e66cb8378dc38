"""Present: continuing a run, and the live training scene."""

from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from cifarviz.errors import ArtifactMissing
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.present import training
from cifarviz.ui.present.training import live_message
from tests import stored_runs


class FakeWorker:
    """Takes forks and trains nothing."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.forks: list[tuple[str, int, Experiment, str]] = []
        self._problem = problem

    def fork(self, parent: str, epoch: int, experiment: Experiment, name: str) -> SimpleNamespace:
        if self._problem is not None:
            raise self._problem
        self.forks.append((parent, epoch, experiment, name))
        return SimpleNamespace(id="new1")


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    store = RunStore(settings)
    monkeypatch.setattr(cache, "store", lambda: store)
    return stored_runs.store_run(store, stored_runs.experiment(), name="net")


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(training, "update_query_params", lambda **values: found.append(values))
    return found


@pytest.mark.parametrize(("epoch", "total"), [(1, 3), (3, 8)])
def test_a_run_is_continued_to_its_planned_end_or_for_a_few_epochs(
    run: Run,
    updates: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    total: int,
) -> None:
    worker = FakeWorker()
    monkeypatch.setattr(cache, "worker", lambda: worker)
    training.continue_run(run, epoch)
    ((parent, after, experiment, name),) = worker.forks
    assert (parent, after, experiment.epochs) == (run.id, epoch, total)
    assert experiment.architecture == run.experiment.architecture
    assert name == f"net from epoch {epoch}"
    assert updates == [{"run": "new1", "at": None, "epoch": None}]


def test_a_second_click_opens_the_run_of_the_first(
    run: Run, updates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = cache.store()
    messages: list[str] = []
    monkeypatch.setattr(st, "toast", lambda words, **_: messages.append(words))
    begun: list[Run] = []

    class StoringWorker(FakeWorker):
        """Queues them, and nothing else."""

        def fork(self, parent: str, epoch: int, experiment: Experiment, name: str) -> Any:
            super().fork(parent, epoch, experiment, name)
            made = stored_runs.store_run(store, experiment, name=name, state=RunState.RUNNING)
            begun.append(made)
            return made

    worker = StoringWorker()
    monkeypatch.setattr(cache, "worker", lambda: worker)
    training.continue_run(run, 1)
    with stored_runs.hold_lock(store, begun[0]):
        training.continue_run(run, 1)
        assert len(worker.forks) == 1
        assert [one["run"] for one in updates] == [begun[0].id] * 2
        assert "not queued again" in messages[0]
        training.continue_run(run, 2)
        assert len(worker.forks) == 2
    # It has ended by now: who wants it once more gets it.
    assert not store.active()
    training.continue_run(run, 1)
    assert len(worker.forks) == 3


def test_runs_that_cannot_be_continued_show_the_reason(
    run: Run, updates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    monkeypatch.setattr(st, "toast", lambda words, **_: messages.append(words))
    worker = FakeWorker(ArtifactMissing("its weights are gone"))
    monkeypatch.setattr(cache, "worker", lambda: worker)
    training.continue_run(run, 1)
    assert messages == ["its weights are gone"]
    assert updates == []


def test_curves_grow_during_training_and_the_mark_changes_at_its_end(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    with stored_runs.hold_lock(store, run):
        built = live_message(store, run.id)
        stored_runs.advance_run(store, run, 5)
        begun = live_message(store, run.id)
        stored_runs.advance_run(store, run, 5, epoch=True)
        stored_runs.advance_run(store, run, 2)
        later = live_message(store, run.id)
        store.transition(run.id, RunState.STOPPING)
        store.transition(run.id, RunState.STOPPED)
    over = live_message(store, run.id)
    messages = (built, begun, later, over)
    assert [one["mark"] for one in messages] == ["starting", "live", "live", "recorded"]
    assert [one["texts"]["mark"] for one in messages] == ["starting", "live", "live", "recorded"]
    assert [one["replay"]["until"] for one in messages] == [0.0, 0.5, 1.2, 1.2]
    assert begun["texts"]["below"] == "running: epoch 1 of 3, about 30 s left"
    assert later["texts"]["below"].startswith("running: epoch 2 of 3")
    assert "The weights are saved" in over["texts"]["below"]
    # What has not grown is the same object, which the feed need not look through.
    assert live_message(store, run.id)["replay"] is over["replay"]
    [loss, _] = later["replay"]["panels"]
    assert loss["training"] == [2.0]
    assert len(loss["x"]) == 12
