"""Runs: the list, and charts of the selected runs."""

import json
from contextlib import AbstractContextManager
from sqlite3 import Connection

import numpy as np
import pytest

from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.database import Database
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import charts, live_items
from tests.pages.app_page import address_of, opened_by_link
from tests.pages.runs_page import buttons, links, numbers, opened, page_texts, widths

VGG = PRESETS["cifar10-vgg"].experiment
OWN = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))


def test_without_runs_training_is_suggested_with_a_link(store: RunStore) -> None:
    app = opened()
    assert page_texts(app)[0].startswith("No network has been trained here yet")
    app.button[0].click().run()
    assert app.title[0].value == "Train"
    assert not app.exception


def test_every_run_is_listed_with_its_settings_and_results(store: RunStore) -> None:
    validated = stored_runs.store_run(store, VGG, name="first", epochs=2)
    store.describe(validated.id, validation_images=900)
    stored_runs.store_run(store, OWN, name="second", state=RunState.STOPPED, validated=False)
    app = opened()
    second, first = app.dataframe[0].value.to_dict("records")
    # Those shares of all images of which 2/3 right among 900 are just not surprising: as many
    # deviations of such a sample away as leave 95 % within.
    share, deviations = 2 / 3, 1.959964
    around = np.linspace(0, 1, 100_001)
    within = abs(around - share) <= deviations * np.sqrt(around * (1 - around) / 900)
    half = 50 * np.ptp(around[within])
    assert first | {"Started": None} == {
        "★": "",
        "Name": "first",
        "Seed": 0,
        "State": "finished",
        "Epochs": "2 of 30",
        "Accuracy at last epoch": pytest.approx(100 * (1 - 1 / 3)),
        "Last ±": pytest.approx(half, abs=0.01),
        "Best epoch": 2,
        "Accuracy at best epoch": pytest.approx(100 * (1 - 1 / 3)),
        "Best ±": pytest.approx(half, abs=0.01),
        "Best by": "lowest validation loss",
        "Network": "cifar10-vgg, 12 layers",
        "Parameters": 814_122,
        "Data": "CIFAR-10 full",
        "Started": None,
        "Time at work": "1 min 05 s",
        "Note": "",
    }
    assert (second["Name"], second["State"]) == ("second", "stopped")
    assert (second["Network"], second["Data"]) == ("Custom network, 2 layers", "CIFAR-10 sample")
    assert np.isnan(second["Accuracy at best epoch"])
    assert np.isnan(second["Best ±"])
    assert any(text.startswith("Tick a run to open") for text in page_texts(app))
    next(one for one in app.button if one.label.startswith("Select the newest")).click().run()
    assert app.header[0].value == "second"
    assert not app.exception


def test_the_accuracy_at_the_best_epoch_is_of_that_epoch(store: RunStore) -> None:
    run = stored_runs.store_run(store, OWN.model_copy(update={"seed": 7}))
    # The last epoch has the highest accuracy, but not the lowest loss.
    stored_runs.raise_validation_loss(store, run, epoch=3)
    app = opened(run.id)
    row = app.dataframe[0].value.to_dict("records")[0]
    assert (row["Seed"], row["Best epoch"]) == (7, 2)
    assert row["Accuracy at best epoch"] == pytest.approx(100 * (1 - 1 / 3))
    assert row["Accuracy at last epoch"] == pytest.approx(100 * (1 - 2 / 9))
    words = "(lowest validation loss) · 77.8% validation (test images), epoch 3 (last epoch)"
    assert any(words in text for text in page_texts(app))
    assert not app.exception


def test_names_have_enough_width_next_to_results(store: RunStore) -> None:
    long = "Four networks voting · sample · 2,000 images · +2 more, seed 82 (member 2 of 2)"
    stored_runs.store_run(store, OWN, name="short", epochs=1)
    narrow = widths(opened())
    stored_runs.store_run(store, OWN, name=long, epochs=1)
    wide = widths(opened())
    assert narrow["Name"] < 150
    assert wide["Name"] >= 400
    # A window of 1440 pixels leaves 1060 for the table, 36 of them for the boxes.
    columns = list(wide)
    shown = columns[: columns.index("Last ±") + 1]
    assert {"Accuracy at last epoch", "Last ±", "Accuracy at best epoch"} < set(shown)
    assert 36 + sum(wide[name] for name in shown) < 1060


def test_states_and_data_sets_are_not_truncated(store: RunStore) -> None:
    fashion = PRESETS["fashion-mnist-cnn"].experiment.data.model_copy(update={"variant": "sample"})
    made = PRESETS["fashion-mnist-cnn"].experiment.model_copy(update={"data": fashion})
    stored_runs.store_run(store, made, state=RunState.RUNNING, epochs=1)
    app = opened()
    [row] = app.dataframe[0].value.to_dict("records")
    assert (row["State"], row["Data"]) == ("interrupted", "Fashion-MNIST sample")
    for name in ("State", "Data"):
        # In Chromium the texts take 67 and 134 pixels, and a cell has 8 on either side.
        assert widths(app)[name] >= {"State": 83, "Data": 150}[name]


def test_an_unreadable_run_is_listed_and_reported(store: RunStore) -> None:
    run = stored_runs.store_run(store, OWN, name="from *tomorrow*")
    stored_runs.store_run(store, VGG, name="today")
    with store.database.connect(write=True) as connection:
        changed = json.dumps(json.loads(run.experiment_json) | {"format": 7})
        connection.execute("UPDATE runs SET experiment = ? WHERE id = ?", (changed, run.id))
    app = opened(run.id)
    rows = app.dataframe[0].value.set_index("Name")
    assert rows.loc["from *tomorrow*", "Network"] == "unknown"
    assert rows.loc["today", "Parameters"] == 814_122
    assert page_texts(app)[0].startswith(
        f"“from *tomorrow*” ({run.id}): This experiment has format 7"
    )
    assert "Delete" in buttons(app)
    assert not app.exception


def test_an_active_run_shows_its_progress(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG, state=RunState.RUNNING, epochs=1)
    with stored_runs.hold_lock(store, run):
        app = opened(run.id)
        row = app.dataframe[0].value.to_dict("records")[0]
        moving = live_items(app, "runs-under-way")[run.id]
    assert (row["State"], row["Epochs"], row["Time at work"]) == (
        "running",
        "30 planned",
        "training",
    )
    assert moving["text"] == "epoch 1 of 30, about 30 s left"
    assert links(app)["Watch"] == f"train?view=watch&run={run.id}"
    assert any("about 30 s left" in text for text in page_texts(app))
    assert not app.exception


def test_curves_of_several_runs_share_a_chart_per_metric(
    store: RunStore,
) -> None:
    first = stored_runs.store_run(store, VGG, name="a", epochs=2)
    second = stored_runs.store_run(store, OWN, name="b", validated=False)
    app = opened(first.id, second.id)
    accuracy, loss = charts(app)
    for figure in (accuracy, loss):
        # Training and validation of the one, training of the other, which had no validation.
        lines = [line for line in figure["data"] if line["name"] not in ("Gap", "Learning rate")]
        names = [(line["legendgrouptitle"]["text"], line["name"]) for line in lines]
        assert names == [
            ("a", "Training"),
            ("a", "Validation"),
            ("b", "Training"),
            ("Marks", "Best epoch"),
        ]
    assert numbers(loss["data"][0]["y"]) == pytest.approx([2, 1])
    assert [one.value for one in app.header] == [
        "2 runs compared",
        "Accuracy",
        "Loss",
        "Fit",
        "Differences",
    ]
    assert "Delete 2 runs" in buttons(app)
    assert not app.exception


def test_a_link_may_name_the_selected_run_run(store: RunStore) -> None:
    first, second = (stored_runs.store_run(store, VGG, name=name) for name in ("a", "b"))
    app = opened_by_link("runs", runs=first.id, run=second.id)
    assert address_of(app) == {"runs": f"{first.id},{second.id}"}
    assert "2 runs compared" in [one.value for one in app.header]
    app = opened_by_link("runs", run="zzz")
    assert [one.value for one in app.error] == ["There is no run “zzz” here."]


def test_unknown_runs_are_reported_in_an_empty_home(store: RunStore) -> None:
    app = opened(*"abcdefg")
    assert [one.value for one in app.error] == [
        "There are no runs “a”, “b”, “c”, “d”, “e”, 2 more here."
    ]
    assert page_texts(app)[1].startswith("No network has been trained here yet")


def test_unknown_runs_in_the_address_have_one_message(store: RunStore) -> None:
    run = stored_runs.store_run(store, VGG)
    app = opened("zzz", run.id, "yyy")
    assert [one.value for one in app.error] == ["There are no runs “zzz”, “yyy” here."]
    assert len(app.dataframe[0].value) == 1
    assert buttons(app) == [
        "Import a run",
        "Rename",
        "Star",
        "Note",
        "Delete",
        "Show the published curves",
    ]
    assert not app.exception


def test_fifty_runs_are_listed_with_one_query_for_their_histories(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        stored_runs.store_run(store, (VGG, OWN)[number % 2], epochs=1)
    connections = 0
    connect = Database.connect

    def counted(database: Database, **options: bool) -> AbstractContextManager[Connection]:
        nonlocal connections
        connections += 1
        return connect(database, **options)

    app = opened()
    monkeypatch.setattr(Database, "connect", counted)
    app.run()
    assert len(app.dataframe[0].value) == 50
    # Whatever the number of runs: what takes a look at the store a run would take seconds.
    assert 0 < connections < 25
    assert not app.exception


def test_runs_of_one_preset_are_compared_with_the_published_curves(store: RunStore) -> None:
    made = VGG.model_copy(update={"epochs": 3})
    runs = [stored_runs.store_run(store, made, name=name) for name in ("a · flip", "b")]
    app = opened(*(run.id for run in runs))
    app.button(key="ghost").click().run()
    assert app.query_params["ghost"] == "1"
    words = "\n".join(page_texts(app))
    # A name has "·" in it by itself.
    assert "“b” and “a · flip”" in words
    assert "show the unchanged preset. " in words
    assert "All 2 runs change it: number of epochs 30 → 3." in words
    other = stored_runs.store_run(store, OWN)
    app = opened(runs[0].id, other.id)
    assert not [one for one in app.button if one.key == "ghost"]
    assert not app.exception
