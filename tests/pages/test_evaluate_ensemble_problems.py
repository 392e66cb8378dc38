"""Evaluate's Ensemble view: members that cannot vote, and unknown query values."""

import numpy as np
import pytest

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.artifacts import checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import widget
from tests.pages.ensemble_view import button, ids, opened, page_text, seeded
from tests.pages.evaluate_page import metrics

TINY = stored_runs.experiment()


def test_unknown_ids_are_reported_and_the_others_vote(
    members: list[Run], ensemble: Ensemble
) -> None:
    app = opened("zzz", f"{members[0].id}@nine", *ids(members))
    assert "There is no run “zzz” here, so it is left out." in page_text(app)
    assert "“nine” is no epoch of “net, seed 1" in page_text(app)
    assert metrics(app)["Ensemble, by sum"] == f"{ensemble.soft_accuracy:.1%}"
    assert not app.exception


def test_a_single_run_is_no_ensemble(members: list[Run]) -> None:
    app = opened(members[0].id)
    assert any("at least two members, and you chose one" in info.value for info in app.info)
    assert not app.error
    assert widget(app, "multiselect", "ensemble-members").value == [members[0].id]
    assert not app.metric
    assert not app.exception


def test_a_repeated_member_is_reported(members: list[Run]) -> None:
    app = opened(members[0].id, members[0].id)
    assert "twice" in page_text(app)
    assert not app.exception


def test_the_same_network_under_two_names_is_reported(store: RunStore) -> None:
    run = stored_runs.store_run(store, seeded(1, test_epochs=(3,)), name="twin")
    stored_runs.add_checkpoint(store, run)
    stored_runs.save_predictions(store, run, 3, np.zeros((2, 10)), np.arange(2))
    app = opened(run.id, f"{run.id}@3")
    assert "You chose “twin” twice (last epoch (3); epoch 3)" in page_text(app)
    assert not app.exception


def test_the_best_epoch_replaces_missing_last_weights(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    both = stored_runs.store_run(
        store, seeded(1), name="both", checkpoints={"last": three_weights[0]}
    )
    lean = stored_runs.store_run(
        store, seeded(2, best_only=True), name="lean", checkpoints={"best": three_weights[1]}
    )
    app = opened(both.id, lean.id)
    assert "“lean” was set to save only the checkpoint of its best epoch" in page_text(app)
    assert "Use the available weights, or leave it out." in page_text(app)
    button(app, "Use the best epoch").click().run()
    assert app.query_params["members"] == f"{both.id},{lean.id}@best"
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_different_data_sets_are_reported(store: RunStore) -> None:
    fashion = PRESETS["fashion-mnist-cnn"].experiment
    made = [
        stored_runs.store_run(store, experiment, name=name)
        for experiment, name in ((TINY, "colours"), (fashion, "clothes"))
    ]
    for run in made:
        stored_runs.add_checkpoint(store, run)
        stored_runs.add_checkpoint(store, run, "best")
    app = opened(*ids(made))
    assert "“colours” was trained on CIFAR-10 and “clothes” was trained on Fashion-MNIST" in (
        page_text(app)
    )
    assert not app.exception


def test_a_member_without_weights_can_be_left_out(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    made = [
        stored_runs.store_run(
            store, seeded(n), name=f"m{n}", checkpoints={"last": three_weights[n]}
        )
        for n in range(3)
    ]
    checkpoint_path(store.folder(made[1].id), "last").unlink()
    app = opened(*ids(made))
    assert "“m1” has no weights: their files were removed. It cannot vote." in page_text(app)
    assert not app.metric
    button(app, "Leave it out").click().run()
    assert app.query_params["members"] == f"{made[0].id},{made[2].id}"
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_an_epoch_without_predictions_is_reported(store: RunStore) -> None:
    run = stored_runs.store_run(store, TINY, name="short")
    app = opened(f"{run.id}@1", f"{run.id}@2")
    assert "“short” has no saved predictions after epochs 1 and 2" in page_text(app)
    assert not app.exception


def test_a_stopped_member_votes_with_a_warning(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    made = [
        stored_runs.store_run(
            store,
            seeded(n),
            name=f"m{n}",
            state=state,
            epochs=2,
            checkpoints={"last": three_weights[n]},
        )
        for n, state in enumerate((RunState.FINISHED, RunState.STOPPED))
    ]
    app = opened(*ids(made))
    assert "“m1” was stopped. After epoch 2 (of 3)" in page_text(app)
    assert button(app, "Resume")
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_a_failed_member_without_weights_is_reported(store: RunStore) -> None:
    made = [
        stored_runs.store_run(
            store, seeded(n), name=f"m{n}", state=RunState.FAILED, epochs=0, message="No memory."
        )
        for n in range(2)
    ]
    app = opened(*ids(made))
    assert "“m0” has failed. No memory. 0 of 3 epochs were done." in page_text(app)
    assert "Resume it, or leave it out." in page_text(app)
    assert button(app, "Resume 2 runs")
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"show": "all"}, "There are no images called “all”"),
        ({"show": "mended", "member": "9"}, "There is no member “9”: they are numbered 1 to 3"),
        ({"show": "mended", "page": "999"}, "There is no page “999”"),
        ({"seed": "-1"}, "“-1” is no seed"),
        ({"image": "x"}, "“x” is not among the 1,000 test images"),
        ({"weights": "worst"}, "There are no weights called “worst”. Choose answer, last or best."),
        ({"preset": "cifar10-ensemble", "changes": "zz"}, "changes in this address cannot"),
        ({"view": "both"}, "Evaluate has no view “both”"),
        ({"preset": "nope"}, "There is no preset or run “nope”"),
        ({"way": "nope"}, "This preset cannot be trained as “nope”"),
        ({"count": "11"}, "Members: expected a whole number from 2 to 10, got “11”"),
        ({"first": "-1"}, "First seed: expected a whole number from 0"),
    ],
)
def test_unknown_query_values_are_reported(
    members: list[Run], address: dict[str, str], sentence: str
) -> None:
    app = opened(*ids(members), **address)
    assert sentence in page_text(app)
    assert metrics(app)
    assert not app.exception
