"""The Lab page: its experiments, links and series."""

from collections.abc import Iterator

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.experiment.choices import Data, TestValidation
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, all_series, find_series, save_series
from cifarviz.runs.snapshots import save_predictions
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import make_plan
from cifarviz.ui import cache
from cifarviz.ui.lab.watch import SeriesFeed
from tests import stored_runs
from tests.components import live_items
from tests.pages.app_page import address_of, led_to, opened_by_link, walk, widget
from tests.pages.lab_page import charts, errors, links, opened, page_text

VIEWS = ("duel", "memorisation", "sizes", "cures")


@pytest.fixture
def store(store: RunStore) -> Iterator[RunStore]:
    """An empty home of this test's own, and nothing left at work in it."""
    yield store
    for run in store.active():
        store.request(run.id, "stop")  # type: ignore[arg-type]
        cache.worker().wait(run.id, 30)


def stored_duel(store: RunStore, **states: RunState) -> tuple[Series, list[Run]]:
    """A duel whose runs are in these states, by their labels."""
    made = [
        stored_runs.store_run(
            store,
            stored_runs.experiment(data=Data(train_images=200)),
            name=label,
            state=state,
            epochs=3 if state is RunState.FINISHED else 1,
        )
        for label, state in states.items()
    ]
    for run in made:
        store.describe(run.id, validation_images=1000)
    labelled = [(run.id, run.name) for run in made]
    return save_series(store, "duel", "Width: a against b", labelled), made


@pytest.mark.parametrize("view", VIEWS)
def test_each_experiment_shows_its_plan_before_training(store: RunStore, view: str) -> None:
    app = opened(view=view)
    text = page_text(app)
    assert "one after another" in text
    assert "in all**." in text
    assert "measures each on 1,000 test images" in text
    assert len(app.button(key="lab-train").label) > 5
    assert not app.error
    assert not app.exception


def test_settings_are_in_the_address_and_in_the_plan(store: RunStore) -> None:
    app = opened(thing="dropout", values="0,0.15,0.5", images=700, epochs=5, seed=9)
    assert "Trains 3 runs one after another, 5 epochs each at most" in page_text(app)
    assert "on 700 training images of the sample of CIFAR-10, from seed 9" in page_text(app)
    assert app.button(key="lab-train").label == "Train 3 runs"
    widget(app, "number_input", "lab-epochs").set_value(6).run()
    assert address_of(app)["epochs"] == "6"
    assert "6 epochs each" in page_text(app)
    widget(app, "selectbox", "lab-data-2").set_value("fashion-mnist").run()
    assert "of the sample of Fashion-MNIST" in page_text(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"view": "zzz"}, "The lab has no view “zzz”"),
        ({"view": "x" * 500}, "The lab has no view"),
        ({"thing": "magic"}, "A duel can't vary “magic”"),
        ({"thing": "l2", "values": "0,banana"}, "L2 penalty can't be “banana” in a duel"),
        ({"values": "off"}, "A duel has 2 or 3 runs"),
        ({"values": "off,flip,shift,both"}, "A duel has 2 or 3 runs"),
        ({"epochs": "0"}, "Epochs: expected a whole number from 1 to 200, got “0”; 40 is used"),
        ({"epochs": "1e9"}, "got “1e9”"),
        ({"images": "5001"}, "Training images: expected a whole number from 100 to 5,000"),
        ({"seed": "-1"}, "Seed: expected a whole number from 0"),
        ({"data": "imagenet"}, "There is no data “imagenet” here"),
        (
            {"view": "memorisation", "percent": "91"},
            "Wrong labels, %: expected a whole number from 1 to 90",
        ),
        ({"series": "nope"}, "There is no series “nope” here"),
        ({"series": "<b>*" * 200}, "There is no series"),
        ({"thing": "images", "values": "500,50000"}, "You chose 50,000 training images"),
        ({"thing": "early-stopping", "epochs": "2"}, "can never stop a run of 2 epochs"),
    ],
)
def test_unknown_query_values_are_reported(
    store: RunStore, address: dict[str, str], words: str
) -> None:
    app = opened(**address)
    assert any(words in error for error in errors(app)), errors(app)
    assert len(app.error) == 1
    assert not app.exception


def test_a_click_queues_all_runs_and_the_address_holds_the_series(store: RunStore) -> None:
    app = opened(thing="width", values="0.25,0.5", images=100, epochs=60)
    app.button(key="lab-train").click().run()
    [series] = all_series(store, "duel")
    assert address_of(app)["series"] == series.id
    assert series.title == "Width of the network: a quarter as wide against half as wide"
    runs = [store.get(run_id) for run_id in series.run_ids]
    assert [run.name for run in runs] == [
        "a quarter as wide · duel · sample",
        "half as wide · duel · sample",
    ]
    assert {run.experiment.data.train_images for run in runs} == {100}
    assert series.title in page_text(app)
    assert "Verdict when all runs finish" in page_text(app)
    # As a reload, in a session of its own.
    again = opened(series=series.id)
    assert series.title in page_text(again)
    again.button(key="lab-stop").click().run()
    for run in runs:
        cache.worker().wait(run.id, 60)
    assert {store.get(run.id).state for run in runs} == {RunState.STOPPED}
    assert not app.exception
    assert not again.exception


def test_the_form_is_as_it_was_left(store: RunStore) -> None:
    app = opened(values="cutout,mixup", images=100, epochs=7)
    addresses = []
    for address in ({}, {"view": "sizes"}, {"view": "duel", "seed": "3"}):
        # As by the menu or a link.
        app.query_params.clear()
        led_to(app, "data", {})
        led_to(app, "lab", address)
        addresses.append(address_of(app))
    left, sizes, linked = addresses
    assert (left["values"], left["images"], left["epochs"]) == ("cutout,mixup", "100", "7")
    # Each view has its own form, and a link with settings leads to these.
    assert not {"values", "images", "epochs"} & (sizes.keys() | linked.keys())


def test_the_form_is_as_it_was_left_after_another_view(store: RunStore) -> None:
    app = opened(values="cutout,mixup", images=100, epochs=7, seed=5)
    widget(app, "segmented_control", "lab-view").select("sizes").run()
    assert not {"values", "images", "epochs", "seed"} & address_of(app).keys()
    widget(app, "segmented_control", "lab-view").select("duel").run()
    address = address_of(app)
    assert (address["values"], address["images"]) == ("cutout,mixup", "100")
    assert (address["epochs"], address["seed"]) == ("7", "5")


def test_the_form_of_a_lesson_is_not_remembered(store: RunStore) -> None:
    app = opened(values="cutout,mixup", images=100)
    app.query_params.clear()
    led_to(app, "lab", {"lesson": "overfitting-5", "images": "1000"})
    app.query_params.clear()
    led_to(app, "lab", {})
    assert address_of(app)["images"] == "100"


def test_a_second_click_queues_nothing(store: RunStore) -> None:
    app = opened(thing="width", values="0.25,0.5", images=100, epochs=60)
    app.button(key="lab-train").click().run()
    app.button(key="lab-train").click().run()
    [series] = all_series(store, "duel")
    assert address_of(app)["series"] == series.id
    assert "not queued again" in app.toast[0].value
    # Another seed is another experiment, and who stops the first one may do it again.
    widget(app, "number_input", "lab-seed").set_value(7).run()
    app.button(key="lab-train").click().run()
    assert len(all_series(store, "duel")) == 2
    app.button(key="lab-stop").click().run()
    app.button(key="lab-train").click().run()
    assert len(all_series(store, "duel")) == 3
    assert not app.exception


def test_unfinished_runs_of_a_duel_are_counted(store: RunStore) -> None:
    series, runs = stored_duel(
        store, a=RunState.FINISHED, b=RunState.STOPPED, c=RunState.STOPPED, d=RunState.RUNNING
    )
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET started = 1 WHERE id = ?", (runs[1].id,))
        connection.execute("UPDATE runs SET started = NULL WHERE id = ?", (runs[2].id,))
    with stored_runs.hold_lock(store, runs[3]):
        app = opened(series=series.id)
    assert "1 of 4 runs finished. Ended early: 1. Not begun: 1." in page_text(app)
    line = live_items(app, "lab-progress")[f"run-{runs[3].id}"]
    assert (line["title"], line["badge"]) == ("d", "running")
    assert line["text"].startswith("epoch 1 of 3")
    numbers = {metric["label"]: metric["value"] for metric in line["metrics"]}
    assert numbers["Validation accuracy"] == "33.3%"
    # What would be of the past a moment later is in the line alone.
    [table] = app.dataframe
    assert list(table.value["Epochs"]) == ["3 of 3", "1 of 3", "1 of 3", "3 planned"]
    assert table.value["Gap"].isna().tolist() == [False, False, False, True]
    assert not app.exception


def test_an_ended_series_has_curves_table_and_verdict(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    app = opened(series=series.id)
    assert charts(app) >= 2
    [table] = app.dataframe
    assert list(table.value["Run"]) == ["a", "b"]
    assert list(table.value["State"]) == ["finished", "finished"]
    last = store.epochs(runs[0].id)[-1]
    assert last.val_accuracy is not None
    assert table.value["Validation accuracy"][0] == pytest.approx(100 * last.val_accuracy)
    assert table.value["Gap"][0] == pytest.approx(100 * (last.accuracy - last.val_accuracy))
    assert "No clear difference" in page_text(app)
    assert "Open these in Runs" in links(app)
    assert app.button(key="lab-train").label == "Train 2 runs again"
    assert not app.exception


def test_losses_of_an_earlier_version_are_marked(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    assert "clipped" not in page_text(opened(series=series.id))
    stored_runs.mark_earlier_losses(store, runs[1])
    assert (
        "Losses are computed in different ways. “b”: validation loss clipped at 16.1 per image; "
        "other runs: plain cross-entropy."
    ) in page_text(opened(series=series.id))


def test_a_stopped_run_is_compared_up_to_its_last_epoch(store: RunStore) -> None:
    series, _runs = stored_duel(store, a=RunState.FINISHED, b=RunState.STOPPED)
    app = opened(series=series.id)
    assert "The run with b was cut short after 1 of 3 epochs." in page_text(app)
    assert "All runs are compared after epoch 1" in page_text(app)
    assert app.button(key="lab-resume").label == "Resume"
    assert not app.exception


def test_after_stop_all_the_available_results_are_compared(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.STOPPED, c=RunState.QUEUED)
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM epochs WHERE run = ?", (runs[2].id,))
        connection.execute("UPDATE epochs SET val_accuracy = 0.9 WHERE run = ?", (runs[1].id,))
    with stored_runs.hold_lock(store, runs[2]):
        app = opened(series=series.id)
        # It leaves the queue before the press arrives.
        store.request(runs[2].id, Action.STOP)
        app.button(key="lab-stop").click().run()
    assert not app.error
    assert not app.toast
    assert "is highest with b: 90.0%" in page_text(app)
    assert "The run with c never began, so it is left out." in page_text(app)
    assert "nothing to compare" not in page_text(app)
    assert not app.exception


def test_a_verdict_so_far_comes_while_a_run_trains(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.RUNNING)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE epochs SET val_accuracy = 0.9 WHERE run = ?", (runs[1].id,))
    with stored_runs.hold_lock(store, runs[1]):
        app = opened(series=series.id)
        item = live_items(app, "lab-progress")["partial"]
        assert item["badge"] == "not final"
        assert item["title"].startswith(
            "So far, after 1 epoch: validation accuracy is highest with b: 90.0%"
        )
        assert "The run with b is under way: 1 of 3 epochs are done." in item["note"]
        assert "cut short" not in item["note"]
        assert (
            " left. Verdict when all runs finish"
            in live_items(app, "lab-progress")["progress"]["text"]
        )
        # The browser is sent the same.
        feed = SeriesFeed(store, "duel", series, None)
        assert feed.message()["items"]["partial"] == item
        # An epoch later the message has changed.
        stored_runs.advance_run(store, runs[1], 10, epoch=True)
        title = feed.message()["items"]["partial"]["title"]
        assert title.startswith("So far, after 2 epochs: ")
    assert not app.exception


def test_a_verdict_so_far_is_on_ended_runs_where_these_can_be_compared(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED, c=RunState.RUNNING)
    with stored_runs.hold_lock(store, runs[2]):
        item = SeriesFeed(store, "duel", series, None).message()["items"]["partial"]
    assert item["title"].startswith("So far, with 2 of 3 runs: no clear difference")
    assert "c" not in item["note"].split()


def test_there_is_no_verdict_so_far_with_one_run(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.RUNNING, b=RunState.QUEUED)
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM epochs WHERE run = ?", (runs[1].id,))
    with stored_runs.hold_lock(store, runs[0]), stored_runs.hold_lock(store, runs[1]):
        app = opened(series=series.id)
    assert "partial" not in live_items(app, "lab-progress")
    assert "Verdict when all runs finish." in page_text(app)
    assert not app.exception


def test_what_the_only_run_reached_is_judged(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.STOPPED, b=RunState.STOPPED)
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM epochs WHERE run = ?", (runs[1].id,))
    text = page_text(opened(series=series.id))
    assert "Only one run has finished an epoch, so there is nothing to compare." in text
    assert "With a, after epoch 1: training accuracy " in text
    assert "The run was cut short after epoch 1 of 3." in text


def test_different_precisions_are_reported_with_the_verdict(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    for run, precision in zip(runs, ("float32", "bfloat16"), strict=True):
        store.describe(run.id, precision=precision)
    assert (
        "The runs differ in precision, which may matter too: a in float32, b in "
        "bfloat16." in page_text(opened(series=series.id))
    )


def test_deleted_runs_are_reported_and_a_single_run_has_no_verdict(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    store.delete(runs[0].id)
    app = opened(series=series.id)
    assert "1 of 2 runs was deleted." in page_text(app)
    assert "Only one run can be read" in page_text(app)
    # What is left has finished: there is nothing to resume.
    assert "nothing to compare. Train the runs again." in page_text(app)
    assert not app.exception
    store.delete(runs[1].id)
    gone = opened(series=series.id)
    assert "2 of 2 runs were deleted." in page_text(gone)
    assert not gone.exception


def test_a_damaged_run_of_a_series_is_not_called_deleted(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET experiment = '{' WHERE id = ?", (runs[0].id,))
    app = opened(series=series.id)
    assert "1 of 2 runs is damaged. The Runs page says what is wrong." in page_text(app)
    assert "deleted" not in page_text(app)
    assert not app.exception


def test_another_view_leaves_lesson_and_replay_behind(store: RunStore) -> None:
    series, _ = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    app = opened(view="duel", series=series.id, play=1, pace="20s", lesson="overfitting-1")
    widget(app, "segmented_control", "lab-view").select("sizes").run()
    assert set(address_of(app)) & {"series", "play", "pace", "lesson"} == set()


def test_a_series_of_another_view_is_linked(store: RunStore) -> None:
    series, _runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    app = opened(view="cures", series=series.id)
    assert f"The series “{series.id}” does not belong to the view Cures." in errors(app)
    assert "See it in Duel" in links(app)
    assert not app.exception


def test_the_newest_series_is_shown_and_earlier_ones_are_listed(store: RunStore) -> None:
    states = {"a": RunState.FINISHED, "b": RunState.FINISHED}
    earlier, newest = stored_duel(store, **states)[0], stored_duel(store, **states)[0]

    def listed(**address: str) -> list[str]:
        found = [one.proto for one in walk(opened(**address)._tree) if one.type == "page_link"]
        return [link.query_string for link in found if "Width" in link.label]

    app = opened()
    assert "The newest experiment here" in page_text(app)
    assert "recorded" not in page_text(app)
    assert [earlier.id in target for target in listed()] == [True]
    assert [newest.id in target for target in listed(series=earlier.id)] == [True]
    assert listed(view="cures") == []


@pytest.fixture
def memorised(store: RunStore) -> tuple[Series, np.ndarray]:
    """A memorisation with predictions for its training images after three epochs."""
    data = Data(train_images=200, wrong_labels=0.2, wrong_labels_seed=6)
    made = stored_runs.experiment(data=data, validation=TestValidation())
    run = stored_runs.store_run(store, made)
    plan = make_plan(run.experiment, library.load("cifar10", "sample", store.settings))
    watched = plan.train.take(plan.tracked)
    right = plan.true_labels[plan.tracked]
    wrong = np.flatnonzero(watched.labels != right)
    for epoch in (1, 2, 3):
        predicted = watched.labels.copy()
        # The second half of the wrong labels is learned with the last epoch only.
        late = wrong if epoch == 1 else wrong[20:] if epoch == 2 else wrong[:0]
        predicted[late] = right[late]
        probabilities = np.eye(10, dtype=np.float32)[predicted]
        folder = store.folder(run.id)
        save_predictions(
            FolderArtifacts(folder),
            epoch,
            "train",
            watched.indices,
            Predictions.from_probabilities(probabilities),
            kind="train_predictions",
        )
    kept = save_series(store, "memorisation", "Memorisation", [(run.id, "20% wrong labels")])
    return kept, watched.indices[wrong]


def test_images_with_wrong_labels_are_ordered_by_epoch_learned(
    store: RunStore, memorised: tuple[Series, np.ndarray]
) -> None:
    series, wrong = memorised
    app = opened(view="memorisation", series=series.id)
    text = page_text(app)
    assert "The network memorised wrong labels: after epoch 3 it gives 100.0% of 40" in text
    assert "Half of the wrong labels were learned for good by epoch 2." in text
    assert "40 images; the first 24 are shown." in text
    assert f"**Training image {wrong[0]}** shows: " in text
    assert "(epoch 1)" in text
    assert charts(app) == 3
    last = opened(view="memorisation", series=series.id, gallery="last", picture=int(wrong[25]))
    assert f"**Training image {wrong[25]}** shows: " in page_text(last)
    assert "(epochs 1 to 2)" in page_text(last)
    never = opened(view="memorisation", series=series.id, gallery="never")
    assert "There are no such images." in page_text(never)
    bad = opened(view="memorisation", series=series.id, gallery="best", picture="zzz")
    assert "There is no gallery “best”" in page_text(bad)
    for page in (app, last, never, bad):
        assert not page.exception


def test_memorisation_has_a_verdict_before_the_second_run_ends(
    store: RunStore, memorised: tuple[Series, np.ndarray]
) -> None:
    [run_id] = memorised[0].run_ids
    made = stored_runs.experiment(data=Data(train_images=200), validation=TestValidation())
    other = stored_runs.store_run(store, made, state=RunState.RUNNING, epochs=1)
    with stored_runs.hold_lock(store, other):
        labelled = [(run_id, "20% wrong labels"), (other.id, "correct labels")]
        series = save_series(store, "memorisation", "Memorisation", labelled)
        app = opened(view="memorisation", series=series.id)
    title = live_items(app, "lab-progress")["partial"]["title"]
    assert title.startswith("So far, with 1 of 2 runs: the network memorised wrong labels")
    assert not app.exception


def test_the_runs_page_reports_wrong_labels(
    store: RunStore, memorised: tuple[Series, np.ndarray]
) -> None:
    [run_id] = memorised[0].run_ids
    app = opened_by_link("runs", runs=run_id)
    assert "CIFAR-10 sample, 20% wrong labels" in page_text(app)
    assert not app.exception


def test_a_memorisation_without_saved_predictions_is_reported(store: RunStore) -> None:
    data = Data(train_images=200, wrong_labels=0.2)
    run = stored_runs.store_run(store, stored_runs.experiment(data=data))
    series = save_series(store, "memorisation", "Memorisation", [(run.id, "20% wrong labels")])
    app = opened(view="memorisation", series=series.id)
    assert "Train the runs again" in page_text(app)
    assert find_series(store, series.id).count == 1
    assert not app.exception
