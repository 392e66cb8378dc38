"""Two sessions share one evaluation."""

import threading
from typing import Any

import pytest
import streamlit as st

from cifarviz.analysis.background_job import EvaluationJob
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data import library
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.evaluate.evaluation import evaluation_job
from tests import stored_runs


def test_an_evaluation_is_computed_once_for_all_sessions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_resource.clear()
    experiment = stored_runs.experiment()
    store = RunStore(settings)
    run = stored_runs.store_run(
        store, experiment, checkpoints={"last": stored_runs.weights(experiment)}
    )
    data = library.load("cifar10", "sample", settings)
    calls: list[int] = []
    original = TrainedModel.predictions

    def count(self: TrainedModel, *images: Any, **more: Any) -> Any:
        calls.append(1)
        return original(self, *images, **more)

    monkeypatch.setattr(TrainedModel, "predictions", count)
    start, jobs = threading.Barrier(4), list[EvaluationJob]()

    def evaluate() -> None:
        start.wait()
        job = evaluation_job(run, "last", data)
        job.wait(60)
        jobs.append(job)

    sessions = [threading.Thread(target=evaluate) for _ in range(4)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert len(jobs) == 4
    assert len({id(job) for job in jobs}) == 1
    assert calls == [1]
