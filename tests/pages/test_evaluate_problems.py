"""Evaluate: invalid links, and missing runs, data or weights."""

import numpy as np
import pytest

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.data import library
from cifarviz.errors import DatasetDamaged
from cifarviz.experiment.choices import Data
from cifarviz.runs import locks
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import elements
from tests.pages.evaluate_page import errors, metrics, opened, text

TINY = stored_runs.experiment()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"actual": "unicorn"}, "There is no class “unicorn” here: the classes are airplane"),
        (
            {"image": "99999999"},
            "There is no test image “99999999”: those of CIFAR-10 are numbered 0 to 9,999.",
        ),
        ({"image": "abc"}, "There is no test image “abc”"),
        ({"image": "-1"}, "There is no test image “-1”"),
        ({"image": "5000"}, "Test image 5,000 is not among the 1,000 of the embedded sample"),
        ({"page": "77"}, "There is no page “77”"),
        ({"matrix": "pie"}, "There is no view “pie”"),
        ({"seed": "-1"}, "“-1” is no seed"),
        ({"run": "zzz"}, "There is no run “zzz” here."),
    ],
)
def test_unknown_query_values_are_reported(
    run: Run, evaluation: Evaluation, address: dict[str, str], sentence: str
) -> None:
    assert 5000 not in evaluation.indices
    app = opened(**address)
    assert sentence in errors(app)
    assert len(app.error) == 1
    assert app.selectbox[0].label == "Run"
    if "run" not in address:
        assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_missing_weights_are_reported(run: Run) -> None:
    app = opened(checkpoint="middle")
    assert "“middle”" in app.warning[0].value
    assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_without_runs_training_is_suggested(store: RunStore) -> None:
    app = opened()
    assert "Train one first" in app.info[0].value
    assert "Train a network" in [button.label for button in app.button]
    assert not app.exception


def test_without_the_full_set_the_sample_is_used(
    store: RunStore, weights: dict[str, np.ndarray]
) -> None:
    full = stored_runs.experiment(data=Data(variant="full"))
    stored_runs.store_run(store, full, checkpoints={"last": weights})
    app = opened()
    assert "is evaluated on the embedded sample" in text(app)
    assert "Get the full set" in [link.label for link in elements(app, "page_link")]
    assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_a_damaged_full_set_is_reported_with_a_link(
    store: RunStore, weights: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DatasetDamaged("The full set is damaged: fetch it again.")

    monkeypatch.setattr(library, "load", refuse)
    full = stored_runs.experiment(data=Data(variant="full"))
    stored_runs.store_run(store, full, checkpoints={"last": weights})
    app = opened()
    assert "The full set is damaged" in errors(app)
    assert "Get the images on the Data page" in [link.label for link in elements(app, "page_link")]
    assert not metrics(app)
    assert not app.exception


def test_weights_that_do_not_fit_are_reported(
    store: RunStore, weights: dict[str, np.ndarray]
) -> None:
    damaged = dict(list(weights.items())[1:])
    stored_runs.store_run(store, TINY, checkpoints={"last": damaged})
    app = opened()
    assert len(app.error) == 1
    assert not metrics(app)
    assert not app.exception


def test_a_run_that_still_trains_is_reported(
    store: RunStore, weights: dict[str, np.ndarray]
) -> None:
    run = stored_runs.store_run(store, TINY, state=RunState.RUNNING, checkpoints={"last": weights})
    lock = locks.acquire(store.lock_path(run.id))
    assert lock is not None
    with lock:
        app = opened()
    assert "The run is still training" in text(app)
    assert metrics(app)["Test images"] == "1,000"
    assert not app.exception
