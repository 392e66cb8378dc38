"""Watch: a run during training, and what can be done after it has ended."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.artifacts import epoch_predictions_path
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import chart, chart_head, charts
from tests.pages.app_page import address_of, walk
from tests.pages.train_page import labels, opened, page_text, press


def test_without_runs_watch_suggests_training(store: RunStore) -> None:
    app = opened(view="watch")
    assert "Nothing has been trained here yet" in page_text(app)
    assert "Set up a run" in labels(app)
    assert not app.exception


def test_the_active_run_is_shown_first_and_can_be_controlled(store: RunStore) -> None:
    working = stored_runs.store_run(
        store, stored_runs.experiment(), name="at work", state=RunState.RUNNING, epochs=1
    )
    with stored_runs.hold_lock(store, working):
        _revive(store, working.id)
        stored_runs.store_run(store, stored_runs.experiment(), name="older")
        app = opened(view="watch")
        assert address_of(app)["run"] == working.id
        assert "running epoch 1 of 3" in page_text(app)
        assert "Epoch: 1 of 3" in page_text(app)
        press(app, f"stop-{working.id}")
        assert store.get(working.id).requested == Action.STOP
        assert app.button(key=f"stop-{working.id}").label == "Stopping …"
        assert app.button(key=f"stop-{working.id}").disabled
        assert "stopping epoch 1 of 3" in page_text(app)
        assert "running" not in page_text(app)
        assert not app.exception


def test_a_queued_run_names_the_run_it_waits_for_and_can_be_stopped(store: RunStore) -> None:
    made = stored_runs.experiment()
    first = stored_runs.store_run(store, made, name="first", state=RunState.RUNNING, epochs=1)
    second = stored_runs.store_run(store, made, name="second", state=RunState.QUEUED, epochs=0)
    with stored_runs.hold_lock(store, first), stored_runs.hold_lock(store, second):
        _revive(store, first.id)
        _revive(store, second.id, RunState.QUEUED)
        app = opened(view="watch", run=second.id)
        assert "waiting for “first”" in page_text(app)
        app = opened(view="watch", run=first.id)
        assert "second queued waiting for “first”" in page_text(app)
        press(app, f"stop-{second.id}")
        assert store.get(second.id).state is RunState.STOPPED
        assert "second queued" not in page_text(app)
        assert "A new run waits for “first”" in page_text(opened(view="setup"))
        assert not app.exception


@pytest.mark.parametrize(
    ("state", "words", "resumable"),
    [
        (RunState.FINISHED, "All 3 epochs are done", False),
        (RunState.STOPPED, "After epoch 3 (of 3). The weights are saved", True),
        (RunState.FAILED, "The loss was no longer a number.", True),
        (RunState.INTERRUPTED, "3 of 3 epochs", True),
    ],
)
def test_an_ended_run_shows_its_result_and_next_steps(
    store: RunStore, state: RunState, words: str, resumable: bool
) -> None:
    message = "The loss was no longer a number." if state is RunState.FAILED else None
    run = stored_runs.store_run(
        store,
        stored_runs.experiment(),
        state=state,
        message=message,
        checkpoints={"last": {"weights": np.zeros(1)}},
    )
    app = opened(view="watch", run=run.id)
    assert words in page_text(app)
    assert ("Resume" in labels(app)) is resumable
    assert "Train again with changes" in labels(app)
    links = [one.proto.label for one in walk(app._tree) if one.type == "page_link"]
    assert {"Look inside", "Evaluate", "All runs"} <= set(links)
    assert not app.error
    assert not app.exception


def test_a_run_that_failed_before_training_offers_changing_its_settings(
    store: RunStore,
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), state=RunState.FAILED, epochs=0, message="It broke."
    )
    app = opened(view="watch", run=run.id)
    links = [one.proto.label for one in walk(app._tree) if one.type == "page_link"]
    assert "All runs" in links
    assert "Look inside" not in links
    kinds = {button.label: button.proto.type for button in app.button}
    assert (kinds["Train again with changes"], kinds["Resume"]) == ("primary", "secondary")
    assert "Time left" not in page_text(app)
    assert not app.exception


def test_an_impossible_resume_shows_the_reason(store: RunStore) -> None:
    made = PRESETS["cifar10-starter"].experiment  # on the full set, which is not here
    run = stored_runs.store_run(store, made, state=RunState.STOPPED)
    app = opened(view="watch", run=run.id)
    press(app, "resume-run")
    assert ["Fetch it on the Data page" in error.value for error in app.error] == [True]
    assert store.get(run.id).state is RunState.STOPPED
    assert not app.exception


def test_a_run_without_validation_has_training_curves_only(store: RunStore) -> None:
    made = stored_runs.experiment(validation=NoValidation())
    run = stored_runs.store_run(store, made, validated=False)
    app = opened(view="watch", run=run.id)
    names = [[line.get("name") for line in figure["data"]] for figure in charts(app)]
    assert len(names) == 2
    assert all("Training" in one and "Validation" not in one for one in names)
    assert "The epoch with the lowest" not in page_text(app)
    assert not app.exception


def test_learning_rates_are_shown_below_the_loss(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    app = opened(view="watch", run=run.id)
    drawn = [chart(app, f"live-{metric}")["data"] for metric in ("loss", "accuracy")]
    assert [any(line.get("yaxis") == "y2" for line in one) for one in drawn] == [True, False]
    # For screen readers.
    assert "Learning rate 0.001" in chart_head(app, "live-loss")["description"]
    begun = stored_runs.store_run(store, stored_runs.experiment(), epochs=0)
    app = opened(view="watch", run=begun.id)
    assert "yaxis2" not in chart(app, "live-loss")["layout"]
    assert "Learning rate" not in chart_head(app, "live-loss")["description"]


def test_a_run_of_another_version_has_a_message(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET experiment = ?", ('{"format": 99}',))
    for view in ("watch", "setup"):
        app = opened(view=view, run=run.id)
        assert len(app.error) == 1
        assert "format 99" in app.error[0].value
        assert not app.exception


def _revive(store: RunStore, run_id: str, state: RunState = RunState.RUNNING) -> None:
    """Back to what it was before it was found cut off, now that it is held."""
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = ?, ended = NULL WHERE id = ?", (state, run_id))


def test_the_switch_for_published_curves_is_in_the_address(store: RunStore) -> None:
    run = _of_preset(store, "cifar10-vgg")
    app = opened(view="watch", run=run.id)
    assert not any('"Published validation"' in figure for figure in _figures(app))
    app.button(key="ghost").click().run()
    assert address_of(app)["ghost"] == "1"
    assert all('"Published validation"' in figure for figure in _figures(app))
    # Only the epochs were changed, and it says so.
    assert "show the unchanged preset. This run changes it" in page_text(app)
    assert "number of epochs 30 → 3" in page_text(app)
    again = opened(**address_of(app))
    assert "Hide the published curves" in labels(again)
    assert all('"Published validation"' in figure for figure in _figures(again))
    again.button(key="ghost").click().run()
    assert "ghost" not in address_of(again)
    assert not app.exception
    assert not again.exception


@pytest.mark.parametrize("preset", ["cifar10-dropout", "cifar10-ensemble", None])
def test_without_published_curves_there_is_no_switch(store: RunStore, preset: str | None) -> None:
    if preset is None:
        run = stored_runs.store_run(store, stored_runs.experiment())
    else:
        run = _of_preset(store, preset)
    app = opened(view="watch", run=run.id, ghost="1")
    assert not [one for one in app.button if one.key == "ghost"]
    assert not app.error
    assert not app.exception


def test_published_curves_are_not_drawn_over_those_of_another_data_set(store: RunStore) -> None:
    experiment = fit_experiment(PRESETS["cifar10-vgg"].experiment, "fashion-mnist")
    run = stored_runs.store_run(store, experiment)
    app = opened(view="watch", run=run.id)
    assert not [one for one in app.button if one.key == "ghost"]
    assert not app.exception


def test_an_unchanged_run_lists_no_changes_with_the_published_curves(store: RunStore) -> None:
    # Another seed is no other experiment.
    made = PRESETS["cifar10-starter"].experiment.model_copy(update={"seed": 5})
    run = stored_runs.store_run(store, made)
    app = opened(view="watch", run=run.id, ghost="1")
    assert "unchanged preset" not in page_text(app)
    assert not app.exception


def test_the_sample_does_not_count_as_a_change_from_the_preset(store: RunStore) -> None:
    made = PRESETS["cifar10-starter"].experiment
    sample = made.data.model_copy(update={"variant": "sample"})
    run = stored_runs.store_run(store, made.model_copy(update={"data": sample}))
    app = opened(view="watch", run=run.id, ghost="1")
    words = (
        "The published curves show the unchanged preset on the full set; this run trained on the "
        "embedded sample."
    )
    assert words in page_text(app)
    assert "changes it" not in page_text(app)
    setup = opened(view="setup", preset="cifar10-starter")
    assert "No changes from the preset." in page_text(setup)
    assert "The full set is not on this machine yet, so the embedded sample is used." in page_text(
        setup
    )
    assert not app.exception
    assert not setup.exception


def test_an_invalid_switch_value_in_the_address_is_reported(store: RunStore) -> None:
    app = opened(view="watch", run=_of_preset(store, "cifar10-vgg").id, ghost="boo")
    assert ["“boo”" in error.value for error in app.error] == [True]
    assert "Show the published curves" in labels(app)
    assert not app.exception


def test_problems_that_did_not_stop_training_are_warnings(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    store.describe(run.id, note="TensorBoard files end before epoch 2: disk full.")
    app = opened(view="watch", run=run.id)
    assert ["end before epoch 2" in warning.value for warning in app.warning] == [True]
    assert not app.exception


def test_the_precision_and_its_reason_are_below_the_charts(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    store.describe(run.id, precision="bfloat16")
    assert "Precision: bfloat16, as set up." in page_text(opened(view="watch", run=run.id))
    store.describe(run.id, precision_reason="bfloat16, as it is 2.7 times as fast here.")
    app = opened(view="watch", run=run.id)
    assert "Precision: bfloat16, as it is 2.7 times as fast here." in page_text(app)
    assert not app.exception


def test_the_accuracy_at_the_best_epoch_is_of_that_epoch(store: RunStore) -> None:
    made = stored_runs.experiment(early_stopping={"patience": 2})
    run = stored_runs.store_run(store, made)
    # The last epoch has the highest accuracy, but not the lowest loss.
    stored_runs.raise_validation_loss(store, run, epoch=3)
    app = opened(view="watch", run=run.id)
    assert "Best epoch: 2 " in page_text(app)
    assert "77.8% validation (test images), epoch 3 (highest validation accuracy)." in page_text(
        app
    )
    assert "The weights of epoch 2 were restored at the end." in page_text(app)
    assert not app.exception


def test_the_epoch_of_early_stopping_is_marked(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(epochs=9))
    store.describe(run.id, stopped_early=3)
    app = opened(view="watch", run=run.id)
    assert all('"Stopped early"' in figure for figure in _figures(app))
    assert not app.exception


@pytest.mark.usefixtures("at_this_computer")
def test_tensorboard_files_are_shown_with_their_command(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(tensorboard=True))
    assert not opened(view="watch", run=run.id).code
    store.tensorboard_folder(run.id).mkdir(parents=True)
    app = opened(view="watch", run=run.id)
    assert app.code[0].value == f"tensorboard --logdir {store.tensorboard_folder(run.id)}"
    assert not app.exception


def test_epochs_with_saved_predictions_can_vote(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(test_epochs=(1, 3)))
    for epoch in (1, 3):
        path = epoch_predictions_path(store.folder(run.id), epoch)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    app = opened(view="watch", run=run.id)
    (link,) = [
        one.proto
        for one in walk(app._tree)
        if one.type == "page_link" and one.proto.label == "Ensemble of its epochs"
    ]
    assert "view=ensemble" in link.query_string
    assert f"{run.id}%401%2C{run.id}%403" in link.query_string
    assert not app.exception


def _of_preset(store: RunStore, preset: str) -> Run:
    made = PRESETS[preset].experiment.model_copy(update={"epochs": 3})
    return stored_runs.store_run(store, made)


def _figures(app: AppTest) -> list[str]:
    return [json.dumps(figure) for figure in charts(app)]


def test_losses_of_an_earlier_version_are_marked(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    stored_runs.mark_earlier_losses(store, run, 2)
    app = opened(view="watch", run=run.id)
    assert "Losses: validation loss clipped at 16.1 per image up to epoch 2." in page_text(app)
    # A fork's curves begin with its parent's.
    fork = store.create("abcdef01", run.experiment, "fork", "dashboard", Fork(run.id, 2))
    app = opened(view="watch", run=fork.id)
    assert "clipped at 16.1 per image up to epoch 2; other runs: plain cross-entropy" in page_text(
        app
    )
    assert not app.exception
