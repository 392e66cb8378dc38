"""The Lab page: what it offers, what a link says, and what has become of a series."""

from collections.abc import Iterator

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.experiment.choices import Data, TestValidation
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, all_series, find_series, keep_series
from cifarviz.runs.snapshots import keep_answers
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import make_plan
from cifarviz.ui import cache
from tests import stored_runs
from tests.components import live_items
from tests.pages.app_page import address_of, opened_by_link, widget
from tests.pages.lab_page import charts, errors, links, opened, said

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
    return keep_series(store, "duel", "Width: a against b", labelled), made


@pytest.mark.parametrize("view", VIEWS)
def test_each_experiment_says_before_the_click_what_it_trains_and_how_long(
    store: RunStore, view: str
) -> None:
    app = opened(view=view)
    text = said(app)
    assert "one after another" in text
    assert "in all**." in text
    assert "measures each on 1,000 test images" in text
    assert len(app.button(key="lab-train").label) > 5
    assert not app.error
    assert not app.exception


def test_the_settings_are_in_the_address_and_in_what_is_said(store: RunStore) -> None:
    app = opened(thing="dropout", values="0,0.15,0.5", images=700, epochs=5, seed=9)
    assert "Trains 3 runs one after another, 5 epochs each at most" in said(app)
    assert "on 700 training images of the sample of CIFAR-10, from seed 9" in said(app)
    assert app.button(key="lab-train").label == "Train all 3"
    widget(app, "number_input", "lab-epochs").set_value(6).run()
    assert address_of(app)["epochs"] == "6"
    assert "6 epochs each" in said(app)
    widget(app, "selectbox", "lab-data-2").set_value("fashion-mnist").run()
    assert "of the sample of Fashion-MNIST" in said(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"view": "zzz"}, "The lab has no view “zzz”"),
        ({"view": "x" * 500}, "The lab has no view"),
        ({"thing": "magic"}, "A duel can't be about “magic”"),
        ({"thing": "l2", "values": "0,banana"}, "L2 penalty can't be “banana” in a duel"),
        ({"values": "off"}, "A duel has 2 or 3 runs"),
        ({"values": "off,flip,shift,both"}, "A duel has 2 or 3 runs"),
        ({"epochs": "0"}, "Epochs: a whole number from 1 to 200, and “0” came; 40 is used"),
        ({"epochs": "1e9"}, "“1e9” came"),
        ({"images": "5001"}, "Training images: a whole number from 100 to 5,000"),
        ({"seed": "-1"}, "Seed: a whole number from 0"),
        ({"data": "imagenet"}, "There is no data “imagenet” here"),
        ({"view": "memorisation", "percent": "91"}, "Wrong labels, %: a whole number from 1 to 90"),
        ({"series": "nope"}, "There is no series “nope” here"),
        ({"series": "<b>*" * 200}, "There is no series"),
        ({"thing": "images", "values": "500,50000"}, "You chose 50,000 training images"),
        ({"thing": "early-stopping", "epochs": "2"}, "can never stop a run of 2 epochs"),
    ],
)
def test_what_a_link_has_wrong_is_said_and_the_rest_is_shown(
    store: RunStore, address: dict[str, str], words: str
) -> None:
    app = opened(**address)
    assert any(words in one for one in errors(app)), errors(app)
    assert len(app.error) == 1
    assert not app.exception


def test_one_click_queues_all_of_them_and_the_link_leads_back(store: RunStore) -> None:
    app = opened(thing="width", values="0.25,0.5", images=100, epochs=60)
    app.button(key="lab-train").click().run()
    [series] = all_series(store, "duel")
    assert address_of(app)["series"] == series.id
    assert series.title == "Width of the network: a quarter as wide against half as wide"
    runs = [store.get(one) for one in series.run_ids]
    assert [run.name for run in runs] == ["Duel: a quarter as wide", "Duel: half as wide"]
    assert {run.experiment.data.train_images for run in runs} == {100}
    assert series.title in said(app)
    assert "The verdict comes when none is left" in said(app)
    # As a reload, in a session of its own.
    again = opened(series=series.id)
    assert series.title in said(again)
    again.button(key="lab-stop").click().run()
    for run in runs:
        cache.worker().wait(run.id, 60)
    assert {store.get(run.id).state for run in runs} == {RunState.STOPPED}
    assert not app.exception
    assert not again.exception


def test_a_second_click_leads_to_what_the_first_one_queued(store: RunStore) -> None:
    app = opened(thing="width", values="0.25,0.5", images=100, epochs=60)
    app.button(key="lab-train").click().run()
    app.button(key="lab-train").click().run()
    [series] = all_series(store, "duel")
    assert address_of(app)["series"] == series.id
    assert "not queued a second time" in app.toast[0].value
    # Another seed is another experiment, and who stops the first one may do it again.
    widget(app, "number_input", "lab-seed").set_value(7).run()
    app.button(key="lab-train").click().run()
    assert len(all_series(store, "duel")) == 2
    app.button(key="lab-stop").click().run()
    app.button(key="lab-train").click().run()
    assert len(all_series(store, "duel")) == 3
    assert not app.exception


def test_a_duel_under_way_says_which_runs_ended_without_being_done(store: RunStore) -> None:
    series, runs = stored_duel(
        store, a=RunState.FINISHED, b=RunState.STOPPED, c=RunState.STOPPED, d=RunState.RUNNING
    )
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET started = 1 WHERE id = ?", (runs[1].id,))
        connection.execute("UPDATE runs SET started = NULL WHERE id = ?", (runs[2].id,))
    with stored_runs.held(store, runs[3]):
        app = opened(series=series.id)
    assert "1 of 4 runs is done, 1 ended early, 1 never began." in said(app)
    line = live_items(app, "lab-progress")[f"run-{runs[3].id}"]
    assert (line["title"], line["badge"], line["text"]) == ("d", "running", "epoch 1 of 3")
    numbers = {metric["label"]: metric["value"] for metric in line["metrics"]}
    assert numbers["Validation accuracy"] == "33.3%"
    # What would be of the past a moment later is in the line alone.
    [table] = app.dataframe
    assert list(table.value["Epochs"]) == ["3 of 3", "1 of 3", "1 of 3", "of 3"]
    assert table.value["Gap"].isna().tolist() == [False, False, False, True]
    assert not app.exception


def test_a_series_that_has_ended_has_its_curves_its_table_and_its_verdict(store: RunStore) -> None:
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
    assert "No difference that could be shown" in said(app)
    assert "All of them in Runs" in links(app)
    assert app.button(key="lab-train").label == "Train both once more"
    assert not app.exception


def test_a_duel_with_losses_of_an_earlier_version_says_so(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    assert "clipped" not in said(opened(series=series.id))
    stored_runs.make_earlier(store, runs[1])
    assert (
        "Losses are not computed alike. “b”: validation loss clipped at 16.1 per image; the "
        "others: plain cross-entropy."
    ) in said(opened(series=series.id))


def test_what_was_stopped_is_judged_as_far_as_it_came_and_can_be_resumed(store: RunStore) -> None:
    series, _runs = stored_duel(store, a=RunState.FINISHED, b=RunState.STOPPED)
    app = opened(series=series.id)
    assert "The run with b was cut short after 1 of 3 epochs." in said(app)
    assert "compared as they were after epoch 1" in said(app)
    assert app.button(key="lab-resume").label == "Resume"
    assert not app.exception


def test_after_stop_all_what_is_there_is_compared_and_nobody_is_told_off(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.STOPPED, c=RunState.QUEUED)
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM epochs WHERE run = ?", (runs[2].id,))
        connection.execute("UPDATE epochs SET val_accuracy = 0.9 WHERE run = ?", (runs[1].id,))
    with stored_runs.held(store, runs[2]):
        app = opened(series=series.id)
        # It leaves the queue before the press arrives.
        store.request(runs[2].id, Action.STOP)
        app.button(key="lab-stop").click().run()
    assert not app.error
    assert not app.toast
    assert "Better with b: 90.0%" in said(app)
    assert "The run with c ended before its first epoch was done, so it is left out." in said(app)
    assert "nothing to compare" not in said(app)
    assert not app.exception


def test_two_precisions_are_said_beside_the_verdict(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    for run, precision in zip(runs, ("float32", "bfloat16"), strict=True):
        store.describe(run.id, precision=precision)
    assert (
        "They were not trained in the same precision, which may matter too: a in float32, b in "
        "bfloat16." in said(opened(series=series.id))
    )


def test_deleted_runs_are_said_and_one_alone_has_no_verdict(store: RunStore) -> None:
    series, runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    store.delete(runs[0].id)
    app = opened(series=series.id)
    assert "1 of its 2 runs was deleted." in said(app)
    assert "Too few of its runs are here" in said(app)
    # What is left has finished: there is nothing to resume.
    assert "nothing to compare: train once more." in said(app)
    assert not app.exception
    store.delete(runs[1].id)
    gone = opened(series=series.id)
    assert "2 of its 2 runs were deleted." in said(gone)
    assert not gone.exception


def test_a_series_of_another_view_is_led_to(store: RunStore) -> None:
    series, _runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    app = opened(view="cures", series=series.id)
    assert f"The series “{series.id}” is none of cures." in errors(app)
    assert "See it in Duel" in links(app)
    assert not app.exception


def test_earlier_ones_are_listed_and_the_one_that_is_shown_is_not(store: RunStore) -> None:
    series, _runs = stored_duel(store, a=RunState.FINISHED, b=RunState.FINISHED)
    title = series.title
    assert any(one.startswith(title) for one in links(opened()))
    assert not any(one.startswith(title) for one in links(opened(series=series.id)))
    assert not any(one.startswith(title) for one in links(opened(view="cures")))


@pytest.fixture
def memorised(store: RunStore) -> tuple[Series, np.ndarray]:
    """A memorisation with what the run said of its training images after three epochs."""
    data = Data(train_images=200, wrong_labels=0.2, wrong_labels_seed=6)
    made = stored_runs.experiment(data=data, validation=TestValidation())
    run = stored_runs.store_run(store, made)
    plan = make_plan(run.experiment, library.load("cifar10", "sample", store.settings))
    watched = plan.train.take(plan.watched)
    right = plan.right_labels[plan.watched]
    wrong = np.flatnonzero(watched.labels != right)
    for epoch in (1, 2, 3):
        said_now = watched.labels.copy()
        # The second half of the wrong labels is learned with the last epoch only.
        late = wrong if epoch == 1 else wrong[20:] if epoch == 2 else wrong[:0]
        said_now[late] = right[late]
        probabilities = np.eye(10, dtype=np.float32)[said_now]
        folder = store.folder(run.id)
        keep_answers(
            FolderArtifacts(folder),
            epoch,
            "train",
            watched.indices,
            Predictions.from_probabilities(probabilities),
            kind="memory",
        )
    kept = keep_series(store, "memorisation", "Memorisation", [(run.id, "20% wrong labels")])
    return kept, watched.indices[wrong]


def test_wrong_labels_are_followed_and_shown_in_the_order_they_were_learned(
    store: RunStore, memorised: tuple[Series, np.ndarray]
) -> None:
    series, wrong = memorised
    app = opened(view="memorisation", series=series.id)
    text = said(app)
    assert "It has learned wrong labels by heart: after epoch 3 it gives 100.0% of 40" in text
    assert "half of the wrong ones by epoch 2" in text
    assert "40 images; the first 24." in text
    assert f"**Training image {wrong[0]}** shows: " in text
    assert "until epoch 1" in text
    assert charts(app) == 3
    last = opened(view="memorisation", series=series.id, gallery="last", picture=int(wrong[25]))
    assert f"**Training image {wrong[25]}** shows: " in said(last)
    assert "until epoch 2" in said(last)
    never = opened(view="memorisation", series=series.id, gallery="never")
    assert "There is no such image." in said(never)
    bad = opened(view="memorisation", series=series.id, gallery="best", picture="zzz")
    assert "There is no gallery “best” here" in said(bad)
    for one in (app, last, never, bad):
        assert not one.exception


def test_the_runs_page_says_that_labels_are_wrong(
    store: RunStore, memorised: tuple[Series, np.ndarray]
) -> None:
    [run_id] = memorised[0].run_ids
    app = opened_by_link("runs", runs=run_id)
    assert "CIFAR-10 sample, 20% wrong labels" in said(app)
    assert not app.exception


def test_a_memorisation_that_kept_nothing_of_its_way_says_what_to_do(store: RunStore) -> None:
    data = Data(train_images=200, wrong_labels=0.2)
    run = stored_runs.store_run(store, stored_runs.experiment(data=data))
    series = keep_series(store, "memorisation", "Memorisation", [(run.id, "20% wrong labels")])
    app = opened(view="memorisation", series=series.id)
    assert "train once more" in said(app)
    assert find_series(store, series.id).count == 1
    assert not app.exception
