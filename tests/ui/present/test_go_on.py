"""Going on from a place in a recording: what the worker is asked, and what is said if it can't."""

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
from cifarviz.ui.present import training as going
from tests import stored_runs


class FakeWorker:
    """Takes forks and trains nothing."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.asked: list[tuple[str, int, Experiment, str]] = []
        self._problem = problem

    def fork(self, parent: str, epoch: int, experiment: Experiment, name: str) -> SimpleNamespace:
        if self._problem is not None:
            raise self._problem
        self.asked.append((parent, epoch, experiment, name))
        return SimpleNamespace(id="new1")


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    store = RunStore(settings)
    monkeypatch.setattr(cache, "store", lambda: store)
    return stored_runs.store_run(store, stored_runs.experiment(), name="net")


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(going, "update_query_params", lambda **values: found.append(values))
    return found


@pytest.mark.parametrize(("epoch", "total"), [(1, 3), (3, 8)])
def test_it_goes_on_to_where_the_run_was_meant_to_end_or_for_a_few_epochs(
    run: Run,
    addresses: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    total: int,
) -> None:
    worker = FakeWorker()
    monkeypatch.setattr(cache, "worker", lambda: worker)
    going.go_on(run, epoch)
    ((parent, after, experiment, name),) = worker.asked
    assert (parent, after, experiment.epochs) == (run.id, epoch, total)
    assert experiment.architecture == run.experiment.architecture
    assert name == f"net from epoch {epoch}"
    assert addresses == [{"run": "new1", "at": None, "epoch": None}]


def test_a_second_click_leads_to_the_run_that_the_first_one_made(
    run: Run, addresses: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = cache.store()
    said: list[str] = []
    monkeypatch.setattr(st, "toast", lambda words, **_: said.append(words))
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
    going.go_on(run, 1)
    with stored_runs.held(store, begun[0]):
        going.go_on(run, 1)
        assert len(worker.asked) == 1
        assert [one["run"] for one in addresses] == [begun[0].id] * 2
        assert "not queued again" in said[0]
        going.go_on(run, 2)
        assert len(worker.asked) == 2
    # It has ended by now: who wants it once more gets it.
    assert not store.active()
    going.go_on(run, 1)
    assert len(worker.asked) == 3


def test_what_cannot_be_gone_on_from_is_said(
    run: Run, addresses: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(st, "toast", lambda words, **_: said.append(words))
    worker = FakeWorker(ArtifactMissing("its weights are gone"))
    monkeypatch.setattr(cache, "worker", lambda: worker)
    going.go_on(run, 1)
    assert said == ["its weights are gone"]
    assert addresses == []
