"""Inside: selecting runs and weights, and messages for unavailable ones."""

import numpy as np
import pytest

from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.artifacts import checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import widget
from tests.pages.inside_page import MAPS, errors, grids, opened, page_texts

TINY = stored_runs.experiment()


@pytest.fixture
def own_run(store: RunStore, weights: dict[str, np.ndarray]) -> Run:
    return stored_runs.store_run(store, TINY, checkpoints={"last": weights, "best": weights})


def test_damaged_weights_are_reported_and_other_runs_work(
    store: RunStore, own_run: Run, weights: dict[str, np.ndarray]
) -> None:
    broken = stored_runs.store_run(store, TINY, name="broken", checkpoints={"last": weights})
    checkpoint_path(store.folder(broken.id), "last").write_bytes(b"PK\x03\x04 no more")
    app = opened()
    assert widget(app, "selectbox", "pick-run").value == broken.id
    assert "is damaged and cannot be read" in errors(app)[0]
    assert grids(app) == []
    widget(app, "selectbox", "pick-run").select(own_run.id).run()
    assert not app.error
    assert grids(app) == MAPS
    assert not app.exception


def test_weights_of_another_network_are_refused_with_a_message(
    store: RunStore, weights: dict[str, np.ndarray]
) -> None:
    other = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
    stored_runs.store_run(store, other, checkpoints={"last": weights})
    app = opened()
    assert len(app.error) == 1
    assert not app.exception


def test_a_run_without_weights_is_reported_and_not_offered(store: RunStore, own_run: Run) -> None:
    lost = stored_runs.store_run(store, TINY, name="lost")
    app = opened(run=lost.id)
    assert "“lost” is finished and has no weights" in errors(app)[0]
    assert [one[:6] for one in widget(app, "selectbox", "pick-run").options] == ["mine ·"]
    assert not app.exception


def test_a_run_in_its_first_epoch_is_explained_and_not_offered(
    store: RunStore, own_run: Run
) -> None:
    coming = stored_runs.store_run(store, TINY, name="new", state=RunState.RUNNING, epochs=0)
    with stored_runs.hold_lock(store, coming):
        app = opened(run=coming.id)
    assert "“new” is running. This page shows its weights as soon as" in page_texts(app)[0]
    assert [one[:6] for one in widget(app, "selectbox", "pick-run").options] == ["mine ·"]
    assert not app.exception


def test_a_running_run_is_shown_with_its_current_weights(
    store: RunStore, weights: dict[str, np.ndarray]
) -> None:
    running = stored_runs.store_run(
        store, TINY, state=RunState.RUNNING, epochs=1, checkpoints={"last": weights}
    )
    with stored_runs.hold_lock(store, running):
        app = opened()
    assert widget(app, "selectbox", "pick-checkpoint").options == ["Current (training)"]
    assert grids(app) == MAPS
    assert not app.exception


def test_runs_with_the_same_name_have_different_labels(
    store: RunStore, own_run: Run, weights: dict
) -> None:
    stored_runs.store_run(store, TINY, checkpoints={"last": weights})
    app = opened()
    options = widget(app, "selectbox", "pick-run").options
    assert len(set(options)) == 2
    assert all(one.startswith("mine, ") for one in options)
    assert not app.exception


def test_a_run_without_validation_names_its_training_loss(
    store: RunStore, weights: dict[str, np.ndarray]
) -> None:
    stored_runs.store_run(store, TINY, validated=False, checkpoints={"best": weights})
    app = opened()
    assert widget(app, "selectbox", "pick-checkpoint").options == [
        "Best epoch 3 (lowest training loss)"
    ]
    assert not app.error
    assert not app.exception


def test_restored_best_weights_are_named(store: RunStore, weights: dict[str, np.ndarray]) -> None:
    made = stored_runs.experiment(early_stopping={"patience": 2})
    run = stored_runs.store_run(store, made, checkpoints={"last": weights, "best": weights})
    stored_runs.raise_validation_loss(store, run, epoch=3)
    app = opened()
    assert widget(app, "selectbox", "pick-checkpoint").options == [
        "Last epoch (restored weights of epoch 2)",
        "Best epoch 2 (lowest validation loss)",
    ]
    assert not app.exception


def test_without_runs_training_is_suggested_with_a_link(store: RunStore) -> None:
    app = opened()
    assert "No network has been trained here yet" in page_texts(app)[0]
    app.button[0].click().run()
    assert app.title[0].value == "Train"
    assert not app.exception
