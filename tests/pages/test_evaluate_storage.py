"""Evaluate saves the predictions of a checkpoint, and renews them when it changes."""

import os

import numpy as np
import pytest
import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import checkpoint_predictions_path
from cifarviz.settings import Settings
from tests import stored_runs
from tests.pages.evaluate_page import metrics, opened

TINY = stored_runs.experiment()


def test_stored_predictions_are_read_after_a_restart(
    shared: tuple[Settings, Run], run: Run, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    folder = RunStore(shared[0]).folder(run.id)
    arrays, facts = load_arrays(checkpoint_predictions_path(folder, "last"))
    np.testing.assert_array_equal(
        arrays["log_probabilities"], evaluation.predictions.log_probabilities
    )
    checkpoint = checkpoint_path(folder, "last").stat()
    assert facts["checkpoint"] == [checkpoint.st_mtime_ns, checkpoint.st_size]

    st.cache_resource.clear()

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(TrainedModel, "predictions", refuse)
    app = opened()
    assert metrics(app)["Accuracy"] == f"{evaluation.accuracy:.1%}"
    assert not app.exception


def test_another_checkpoint_is_evaluated_again(
    store: RunStore, weights: dict[str, np.ndarray]
) -> None:
    run = stored_runs.store_run(store, TINY, checkpoints={"last": weights})
    opened()
    path = checkpoint_predictions_path(store.folder(run.id), "last")
    modified, size = load_arrays(path)[1]["checkpoint"]
    os.utime(checkpoint_path(store.folder(run.id), "last"), ns=(modified + 1000, modified + 1000))

    app = opened()
    assert load_arrays(path)[1]["checkpoint"] == [modified + 1000, size]
    assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_a_full_disk_is_only_a_warning(
    store: RunStore, weights: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stored_runs.store_run(store, TINY, checkpoints={"last": weights})

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    app = opened()
    assert "could not be saved" in app.warning[0].value
    assert metrics(app)["Test images"] == "1,000"
    assert not checkpoint_predictions_path(store.folder(run.id), "last").exists()
    assert not app.exception
