"""Runs: the list, what can be done with those chosen, and their curves in one chart."""

import base64
import json
import time
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.experiment.layers import Dense, Flatten
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs import locks
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import opened_by_link, walk

VGG = PRESETS["cifar10-vgg"].experiment
OWN = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
WEIGHTS = {"w": np.zeros(250_000, np.float32)}


def opened(*runs: str) -> AppTest:
    return opened_by_link("runs", **({"runs": ",".join(runs)} if runs else {}))


def said(app: AppTest) -> list[str]:
    found = [*app.error, *app.warning, *app.info, *app.subheader, *app.markdown, *app.caption]
    # A backslash only keeps Markdown from reading a sign as its own.
    return [one.value.replace("\\", "") for one in found]


def buttons(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def press(app: AppTest, label: str) -> None:
    next(one for one in app.button if one.label == label).click().run()


def links(app: AppTest) -> dict[str, str]:
    main = walk(app._tree.children[0])
    found = [one.proto for one in main if one.type == "page_link"]
    return {one.label: f"{one.page}?{one.query_string}" for one in found}


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The figures on the page."""
    found = [one.proto for one in walk(app._tree) if one.type == "bidi_component"]
    return [json.loads(one.bytes.split(b"\n", 2)[2]) for one in found]


def widths(app: AppTest) -> dict[str, int]:
    """Columns of the table that have a width, in pixels."""
    columns = json.loads(app.dataframe[0].proto.columns)
    return {name: one["width"] for name, one in columns.items() if one.get("width") is not None}


def numbers(sent: Any) -> list[float]:
    """Numbers as they go to the browser: a list, or bytes in base64."""
    if isinstance(sent, list):
        return sent
    return np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"]).tolist()


def test_without_runs_it_says_what_to_do_and_leads_there(store: RunStore) -> None:
    app = opened()
    assert said(app)[0].startswith("No network has been trained here yet")
    app.button[0].click().run()
    assert app.title[0].value == "Train"
    assert not app.exception


def test_every_run_is_listed_with_what_it_is_and_became(store: RunStore) -> None:
    stored_runs.store_run(store, VGG, name="first", epochs=2)
    stored_runs.store_run(store, OWN, name="second", state=RunState.STOPPED, validated=False)
    app = opened()
    second, first = app.dataframe[0].value.to_dict("records")
    assert first | {"Started": None} == {
        "Name": "first",
        "Seed": 0,
        "State": "finished",
        "Epochs": "2 of 30",
        "Last accuracy": pytest.approx(100 * (1 - 1 / 3)),
        "Best epoch": 2,
        "Its accuracy": pytest.approx(100 * (1 - 1 / 3)),
        "Network": "cifar10-vgg, 12 layers",
        "Parameters": 814_122,
        "Data": "CIFAR-10 full",
        "Started": None,
        "Took": "1 min 05 s",
    }
    assert (second["Name"], second["State"]) == ("second", "stopped")
    assert (second["Network"], second["Data"]) == ("own, 2 layers", "CIFAR-10 sample")
    assert np.isnan(second["Its accuracy"])
    assert any(text.startswith("Tick the box before a run") for text in said(app))
    app.button[0].click().run()
    assert app.subheader[0].value == "second"
    assert not app.exception


def test_the_accuracy_beside_the_best_epoch_is_its_own(store: RunStore) -> None:
    run = stored_runs.store_run(store, OWN.model_copy(update={"seed": 7}))
    # The last epoch has the highest accuracy, but not the lowest loss.
    stored_runs.make_worse(store, run, epoch=3)
    app = opened(run.id)
    row = app.dataframe[0].value.to_dict("records")[0]
    assert (row["Seed"], row["Best epoch"]) == (7, 2)
    assert row["Its accuracy"] == pytest.approx(100 * (1 - 1 / 3))
    assert row["Last accuracy"] == pytest.approx(100 * (1 - 2 / 9))
    words = "validation accuracy 77.8% after the last epoch, 66.7% after the best, 2"
    assert any(words in text for text in said(app))
    assert not app.exception


def test_names_have_room_and_results_are_beside_them(store: RunStore) -> None:
    long = "Four networks voting · sample · 2,000 images · +2 more, seed 82 (member 2 of 2)"
    stored_runs.store_run(store, OWN, name="short", epochs=1)
    narrow = widths(opened())
    stored_runs.store_run(store, OWN, name=long, epochs=1)
    wide = widths(opened())
    assert narrow["Name"] < 150
    assert wide["Name"] > 450
    # A window of 1440 pixels leaves 1060 for the table, 36 of them for the boxes.
    columns = ("Name", "Seed", "State", "Epochs", "Last accuracy", "Best epoch", "Its accuracy")
    assert 36 + sum(wide[name] for name in (*columns, "Took")) < 1060


def test_an_unreadable_run_stays_listed_and_is_said(store: RunStore) -> None:
    run = stored_runs.store_run(store, OWN, name="from *tomorrow*")
    stored_runs.store_run(store, VGG, name="today")
    with store.database.connect(write=True) as connection:
        changed = json.dumps(json.loads(run.experiment_json) | {"format": 7})
        connection.execute("UPDATE runs SET experiment = ? WHERE id = ?", (changed, run.id))
    app = opened(run.id)
    rows = app.dataframe[0].value.set_index("Name")
    assert rows.loc["from *tomorrow*", "Network"] == "not known"
    assert rows.loc["today", "Parameters"] == 814_122
    assert said(app)[0].startswith(f"“from *tomorrow*” ({run.id}): This experiment has format 7")
    assert "Delete" in buttons(app)
    assert not app.exception


def test_a_run_that_is_under_way_says_how_far_it_is(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, state=RunState.RUNNING, epochs=1)
    with stored_runs.held(store, run):
        app = opened(run.id)
        row = app.dataframe[0].value.to_dict("records")[0]
    assert (row["State"], row["Epochs"]) == ("running", "1 of 30")
    assert row["Took"].endswith("so far")
    assert links(app)["Watch"] == f"train?view=watch&run={run.id}"
    assert any("about 30 s left" in text for text in said(app))
    assert not app.exception


def test_one_run_can_be_opened_renamed_deleted_and_its_curves_are_shown(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG)
    app = opened(run.id)
    assert links(app) == {"Open": f"train?view=watch&run={run.id}"}
    assert buttons(app) == ["Rename", "Delete", "Show the published curves"]
    assert len(charts(app)) == 2
    assert not app.exception


def test_a_run_with_weights_leads_to_looking_inside_and_to_evaluation(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, checkpoints={"last": WEIGHTS})
    app = opened(run.id)
    assert links(app)["Look inside"] == f"inside?run={run.id}"
    assert links(app)["Evaluate"] == f"evaluate?run={run.id}"
    assert links(app)["Predict"] == f"predict?run={run.id}"
    assert next(iter(links(app))) == "Look inside"
    assert any(text.startswith("1 run takes 1 MB of the disk") for text in said(app))
    assert not app.exception


def test_the_curves_of_several_runs_are_in_one_chart_for_accuracy_and_one_for_loss(
    store: RunStore,
) -> None:
    first = stored_runs.store_run(store, VGG, name="a", epochs=2)
    second = stored_runs.store_run(store, OWN, name="b", validated=False)
    app = opened(first.id, second.id)
    accuracy, loss = charts(app)
    for figure in (accuracy, loss):
        # Training and validation of the one, training of the other, which had no validation.
        names = [(line["legendgrouptitle"]["text"], line["name"]) for line in figure["data"]]
        assert names == [
            ("b", "Training"),
            ("a", "Training"),
            ("a", "Validation"),
            ("Marks", "Best epoch"),
        ]
    assert numbers(loss["data"][1]["y"]) == pytest.approx([2, 1])
    assert [one.value for one in app.subheader] == ["2 runs compared", "Accuracy", "Loss"]
    assert "Delete these 2" in buttons(app)
    assert not app.exception


def test_an_unknown_run_in_the_address_is_one_sentence(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG)
    app = opened("zzz", run.id, "yyy")
    assert [one.value for one in app.error] == [
        "There is no run “zzz” here; below are those there are."
    ]
    assert len(app.dataframe[0].value) == 1
    assert buttons(app) == ["Rename", "Delete", "Show the published curves"]
    assert not app.exception


def test_deleting_is_refused_while_the_run_is_active(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, state=RunState.PAUSED)
    with stored_runs.held(store, run):
        app = opened(run.id)
        press(app, "Delete")
        assert said(app)[0] == "“mine” is paused: stop it before you delete it."
        assert "Delete for good" not in buttons(app)
        assert store.get(run.id).state is RunState.PAUSED
    assert not app.exception


def test_deleting_asks_first_and_says_what_goes(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, checkpoints={"last": WEIGHTS})
    app = opened(run.id)
    press(app, "Delete")
    assert {"Keep", "Delete for good"} <= set(buttons(app))
    assert (
        "**mine**: its curves over 3 epochs, its weights and all else kept of it, 1.0 MB."
        in said(app)
    )
    assert store.get(run.id) == run
    assert not app.exception


@pytest.mark.parametrize("state", [RunState.STOPPED, RunState.FAILED])
def test_a_run_that_was_cut_short_can_be_resumed(store: RunStore, state: RunState) -> None:
    run = stored_runs.store_run(store, OWN, state=state, message="The disk was full.")
    slot = locks.take(store.slot_path())
    assert slot is not None
    # While somebody else trains, the resumed run waits: nothing is trained here.
    with slot:
        app = opened(run.id)
        assert "The disk was full." in said(app)
        press(app, "Resume")
        assert store.get(run.id).state is RunState.QUEUED
        assert app.title[0].value == "Train"
        store.request(run.id, Action.STOP)
    assert not app.exception


def test_a_run_whose_data_is_gone_is_not_resumed_and_says_why(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, state=RunState.STOPPED)
    app = opened(run.id)
    press(app, "Resume")
    assert "python -m cifarviz data fetch cifar10" in said(app)[0]
    assert store.get(run.id).state is RunState.STOPPED
    assert not app.exception


def test_a_finished_run_has_nothing_to_resume(store: RunStore) -> None:
    run = stored_runs.store_run(store, OWN)
    assert "Resume" not in buttons(opened(run.id))


def test_fifty_runs_open_quickly(store: RunStore) -> None:
    for number in range(50):
        stored_runs.store_run(store, (VGG, OWN)[number % 2], epochs=1)
    opened()
    app = opened()
    took = []
    for _ in range(3):
        start = time.perf_counter()
        app.run()
        took.append(time.perf_counter() - start)
    assert len(app.dataframe[0].value) == 50
    assert min(took) < 0.5
    assert not app.exception


def test_one_run_shows_its_early_end_its_note_and_its_tensorboard_files(store: RunStore) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(tensorboard=True), message="Stopped early after epoch 3."
    )
    store.describe(run.id, stopped_early=3, note="TensorBoard files have nothing from epoch 2 on.")
    store.tensorboard_folder(run.id).mkdir(parents=True)
    app = opened(run.id)
    # How it ended is no warning; what went wrong is one.
    assert ["Stopped early" in info.value for info in app.info] == [True]
    assert ["from epoch 2 on" in warning.value for warning in app.warning] == [True]
    assert app.code[0].value == f"tensorboard --logdir {store.tensorboard_folder(run.id)}"
    assert not app.exception


def test_runs_of_one_preset_are_compared_with_the_published_curves(store: RunStore) -> None:
    made = VGG.model_copy(update={"epochs": 3})
    runs = [stored_runs.store_run(store, made, name=name) for name in ("a · flip", "b")]
    app = opened(*(run.id for run in runs))
    app.button(key="ghost").click().run()
    assert app.query_params["ghost"] == "1"
    words = "\n".join(said(app))
    # A name has "·" in it by itself.
    assert "“b” and “a · flip”" in words
    assert "of the unchanged preset. " in words
    assert "changes against it: number of epochs 30 → 3." in words
    other = stored_runs.store_run(store, OWN)
    app = opened(runs[0].id, other.id)
    assert not [one for one in app.button if one.key == "ghost"]
    assert not app.exception
