"""Actions for a run on the Runs page."""

import numpy as np
import pytest

from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs import locks
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import charts
from tests.pages.runs_page import buttons, links, opened, page_texts, press

VGG = PRESETS["cifar10-vgg"].experiment
OWN = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
WEIGHTS = {"w": np.zeros(250_000, np.float32)}


def test_a_run_can_be_opened_renamed_and_deleted(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG)
    app = opened(run.id)
    assert links(app) == {"Open": f"train?view=watch&run={run.id}"}
    expected = ["Import a run", "Rename", "Star", "Note", "Delete", "Show the published curves"]
    assert buttons(app) == expected
    assert len(charts(app)) == 2
    assert not app.exception


def test_a_run_with_weights_links_to_inside_and_evaluate(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, checkpoints={"last": WEIGHTS})
    app = opened(run.id)
    assert links(app)["Look inside"] == f"inside?run={run.id}"
    assert links(app)["Evaluate"] == f"evaluate?run={run.id}"
    assert links(app)["Predict"] == f"predict?run={run.id}"
    assert next(iter(links(app))) == "Look inside"
    assert any(text.startswith("1 run uses 1 MB") for text in page_texts(app))
    assert not app.exception


def test_deleting_is_refused_while_the_run_is_active(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, state=RunState.PAUSED)
    with stored_runs.hold_lock(store, run):
        app = opened(run.id)
        press(app, "Delete")
        assert page_texts(app)[0] == "“mine” is paused: stop it before you delete it."
        assert "Delete permanently" not in buttons(app)
        assert store.get(run.id).state is RunState.PAUSED
    assert not app.exception


def test_deleting_requires_a_confirmation_that_lists_what_is_deleted(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, checkpoints={"last": WEIGHTS})
    app = opened(run.id)
    press(app, "Delete")
    assert {"Cancel", "Delete permanently"} <= set(buttons(app))
    assert (
        "**mine**: 3 epochs with their curves, weights and all other files, 1.0 MB."
        in page_texts(app)
    )
    assert store.get(run.id) == run
    assert not app.exception


@pytest.mark.parametrize("state", [RunState.STOPPED, RunState.FAILED])
def test_an_interrupted_run_can_be_resumed(store: RunStore, state: RunState) -> None:
    run = stored_runs.store_run(store, OWN, state=state, message="The disk was full.")
    slot = locks.acquire(store.slot_path())
    assert slot is not None
    # While somebody else trains, the resumed run waits: nothing is trained here.
    with slot:
        app = opened(run.id)
        assert "The disk was full." in page_texts(app)
        press(app, "Resume")
        assert store.get(run.id).state is RunState.QUEUED
        assert app.title[0].value == "Train"
        store.request(run.id, Action.STOP)
    assert not app.exception


def test_a_run_without_its_data_set_shows_why_it_cannot_be_resumed(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, state=RunState.STOPPED)
    app = opened(run.id)
    press(app, "Resume")
    assert "python -m cifarviz data fetch cifar10" in page_texts(app)[0]
    assert store.get(run.id).state is RunState.STOPPED
    assert not app.exception


def test_a_finished_run_cannot_be_resumed(store: RunStore) -> None:
    run = stored_runs.store_run(store, OWN)
    assert "Resume" not in buttons(opened(run.id))


@pytest.mark.usefixtures("at_this_computer")
def test_a_run_shows_early_stopping_its_note_and_its_tensorboard_files(store: RunStore) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(tensorboard=True), message="Stopped early after epoch 3."
    )
    store.describe(run.id, stopped_early=3, note="TensorBoard files end before epoch 2.")
    store.tensorboard_folder(run.id).mkdir(parents=True)
    app = opened(run.id)
    # How it ended is no warning; what went wrong is one.
    assert ["Stopped early" in info.value for info in app.info] == [True]
    assert ["end before epoch 2" in warning.value for warning in app.warning] == [True]
    assert app.code[0].value == f"tensorboard --logdir {store.tensorboard_folder(run.id)}"
    assert not app.exception
