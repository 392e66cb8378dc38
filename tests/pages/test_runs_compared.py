"""Comparing runs: filters, stars, notes, verdicts and forks."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.experiment.choices import Augmentation, Data
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.published.preset import HistoryRow
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.runs import locks
from cifarviz.runs.records import Epoch, Fork, Progress, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import charts
from tests.pages.app_page import opened_by_link, widget
from tests.pages.runs_page import buttons, differences, links, numbers, opened, page_texts, press

OWN = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
VGG = PRESETS["cifar10-vgg"].experiment


def listed(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Name"])


def _epoch(row: HistoryRow) -> Epoch:
    return Epoch(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy, 1e-4, 1.0)


def with_published_history(store: RunStore, name: str = "vgg") -> Run:
    """A run that went as the published one did."""
    assert VGG.preset is not None
    run = stored_runs.store_run(store, VGG, name=name, epochs=0, state=RunState.RUNNING)
    published = PRESETS["cifar10-vgg"].published
    assert published is not None
    for row in published["history"]:
        progress = Progress("training", row.epoch, row.epoch, 1, None, None, 0.0)
        store.record(run.id, progress, None, _epoch(row))
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'finished' WHERE id = ?", (run.id,))
    return store.get(run.id)


def test_the_list_is_filtered_and_sorted_by_the_address(store: RunStore) -> None:
    first = stored_runs.store_run(store, VGG, name="beta", epochs=2)
    stored_runs.store_run(store, OWN, name="alpha", state=RunState.STOPPED, epochs=1)
    stored_runs.store_run(store, OWN, name="gamma", epochs=3)
    store.star(first.id, True)
    store.remark(first.id, "for the talk")
    expected = {
        "sort=name": ["alpha", "beta", "gamma"],
        "sort=oldest": ["beta", "alpha", "gamma"],
        "sort=accuracy": ["gamma", "beta", "alpha"],
        "state=stopped": ["alpha"],
        "preset=cifar10-vgg": ["beta"],
        "preset=own": ["gamma", "alpha"],
        "data=cifar10-sample": ["gamma", "alpha"],
        "starred=1": ["beta"],
        "find=TALK bet": ["beta"],
    }
    for address, names in expected.items():
        app = opened_by_link("runs", **dict([address.split("=")]))
        assert listed(app) == names, address
        assert not app.exception
    app = opened_by_link("runs", state="stopped", preset="cifar10-vgg", runs=first.id)
    # What is chosen stays so, wherever the list ends.
    assert "No runs match these filters." in page_texts(app)
    assert "Selected, but hidden by the filters: “beta”." in page_texts(app)
    widget(app, "selectbox", "runs-state").select("any").run()
    assert listed(app) == ["beta"]
    assert app.query_params["state"] == "any"
    widget(app, "text_input", "runs-find").input("nothing like it").run()
    assert app.query_params["find"] == "nothing like it"
    assert not app.exception


def test_a_star_and_a_note_can_be_added_and_removed(store: RunStore) -> None:
    runs = [stored_runs.store_run(store, OWN, name=name) for name in ("a", "b")]
    app = opened(*(run.id for run in runs))
    press(app, "Star 2 runs")
    assert all(run.starred for run in store.all())
    assert list(app.dataframe[0].value["★"]) == ["★", "★"]
    press(app, "Unstar 2 runs")
    assert not any(run.starred for run in store.all())
    # Its dialog is sent in tests/browser/test_runs_compared.py: here it would close first.
    store.remark(runs[0].id, "the one")
    app = opened(runs[0].id)
    assert "Edit note" in buttons(app)
    assert ":material/sticky_note_2: the one" in page_texts(app)
    assert not app.exception


def test_a_run_shows_its_verdict_and_suggestions(store: RunStore) -> None:
    run = with_published_history(store)
    app = opened(run.id)
    words = "\n".join(page_texts(app))
    assert ":orange-badge[overfitting] Overfitting starts after epoch 9" in words
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Overfitting starts"] == "after epoch 9"
    assert "loss 0.232, accuracy 8.2 points" in metrics.values()
    assert "loss 1.609, accuracy 24.7 points" in metrics.values()
    assert "1. **Augment the images**" in words
    address = links(app)["Set up"]
    assert address.startswith("train?view=setup&preset=cifar10-vgg&changes=")
    marks = [line for line in charts(app)[1]["data"] if line["name"] == "Overfitting starts"]
    assert (numbers(marks[0]["x"]), numbers(marks[0]["y"])) == ([9], [pytest.approx(0.7965)])
    watched = opened_by_link("train", view="watch", run=run.id)
    assert any("Overfitting starts after epoch 9: " in text for text in page_texts(watched))
    assert not app.exception
    assert not watched.exception


def test_the_table_lists_only_settings_that_differ(store: RunStore) -> None:
    changed = stored_runs.experiment(
        Flatten(), Dropout(rate=0.4), Dense(units=10, activation="softmax"),
        augmentation=Augmentation(flip=True), data=Data(train_images=700),
    )  # fmt: skip
    first = stored_runs.store_run(store, OWN, name="plain")
    second = stored_runs.store_run(store, changed, name="cured")
    app = opened(first.id, second.id)
    verdicts = [text for text in page_texts(app) if "too early to say" in text]
    assert all(name in text for name, text in zip(("plain", "cured"), verdicts, strict=True))
    assert list(app.dataframe[1].value["Run"]) == ["plain", "cured"]
    assert differences(app) == [
        ["Setting", "plain", "cured"],
        ["number of training images", "all", "700"],
        ["flip", "off", "on"],
        ["number of layers", "2", "3"],
        ["dropout after layer 1", "–", "dropout 0.4"],
    ]
    app = opened(first.id, stored_runs.store_run(store, OWN, name="twin").id)
    assert "All settings are the same, including the seed." in page_texts(app)
    assert not app.exception


@pytest.mark.parametrize("names", [("Setting", "Run"), ("_index", "index"), ("0", "1"), ("x", "x")])
def test_a_run_may_have_the_name_of_a_column(store: RunStore, names: tuple[str, str]) -> None:
    runs = [
        stored_runs.store_run(store, OWN.model_copy(update={"seed": number}), name=name)
        for number, name in enumerate(names)
    ]
    app = opened(*(run.id for run in runs))
    assert not app.exception
    titles, seeds = differences(app)
    assert titles[0] == "Setting"
    assert [title.startswith(name) for title, name in zip(titles[1:], names, strict=True)]
    assert seeds == ["seed", "0", "1"]


def test_the_precision_that_runs_trained_in_is_among_their_differences(store: RunStore) -> None:
    auto, exact = (OWN.model_copy(update={"precision": name}) for name in ("auto", "float32"))
    runs = [
        stored_runs.store_run(store, made, name=name)
        for made, name in ((auto, "a"), (auto, "b"), (exact, "c"))
    ]
    for run, precision in zip(runs, ("float32", "bfloat16", "float32"), strict=True):
        store.describe(run.id, precision=precision)
    app = opened(runs[0].id, runs[1].id)
    assert differences(app) == [["Setting", "a", "b"], ["precision", "float32", "bfloat16"]]
    # Asked for or found, it is the same precision.
    same = opened(runs[0].id, runs[2].id)
    assert "All settings are the same, including the seed." in page_texts(same)


def test_preferring_the_best_epoch_applies_on_all_pages_and_can_be_undone(
    store: RunStore, weights: dict[str, object]
) -> None:
    made = stored_runs.experiment()
    run = stored_runs.store_run(
        store,
        made,
        checkpoints={"last": weights, "best": weights},  # type: ignore[dict-item]
    )
    stored_runs.raise_validation_loss(store, run, epoch=3)
    app = opened(run.id)
    press(app, "Use epoch 2’s weights")
    assert store.get(run.id).preferred == "best"
    for page in ("inside", "evaluate", "predict"):
        menu = opened_by_link(page, run=run.id).selectbox(key="pick-checkpoint")
        assert menu.value == "best", page
    asked = opened_by_link("predict", run=run.id, checkpoint="last")
    assert asked.selectbox(key="pick-checkpoint").value == "last"
    press(app, "Use the last epoch’s weights")
    assert store.get(run.id).preferred is None
    assert not app.exception


def test_the_fork_dialog_names_the_initial_weights(
    store: RunStore, weights: dict[str, object]
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), name="parent",
        checkpoints={"best": weights},  # type: ignore[dict-item]
    )  # fmt: skip
    stored_runs.raise_validation_loss(store, run, epoch=3)
    app = opened(run.id)
    press(app, "Fork")
    assert widget(app, "selectbox", "fork-epoch").value == 2
    # As long as the parent was meant to go on.
    assert widget(app, "number_input", "fork-epochs-2").value == 1
    assert widget(app, "number_input", "fork-rate").value is None
    assert widget(app, "text_input", "fork-name").placeholder == "parent from epoch 2"
    assert any(text.startswith("The optimiser starts fresh") for text in page_texts(app))
    assert not app.exception


def test_a_fork_is_drawn_as_a_branch_after_its_parent_is_deleted(store: RunStore) -> None:
    run = stored_runs.store_run(store, OWN, name="parent")
    lock = locks.acquire(store.lock_path("fork"))
    assert lock is not None
    made = fork_experiment(OWN, 2, ForkChanges(epochs=4, learning_rate=0.0002))
    with lock:
        store.create("fork", made, "child", "dashboard", Fork(run.id, 2))
        assert store.get("fork").epochs_done == 2
        progress = Progress("training", 3, 30, 10, None, None, time.time())
        store.record("fork", progress, None, Epoch(3, 0.7, 0.8, 0.8, 0.75, 0.0002, 1.0))
        app = opened("fork", run.id)
        loss = charts(app)[1]
        branch = [line for line in loss["data"] if line.get("legendgroup") == "1"]
        assert numbers(branch[0]["x"]) == [2, 3]
        assert numbers(branch[0]["y"]) == pytest.approx([1.0, 0.7])
        assert app.dataframe[0].value["Epochs"][0] == "3 of 6"
        assert app.dataframe[2].value.iloc[-1].tolist() == [
            "started from", "random weights", "epoch 2 of parent"
        ]  # fmt: skip
        watched = opened_by_link("train", view="watch", run="fork")
        dotted = [one for one in charts(watched)[0]["data"] if one["name"].startswith("Before")]
        assert [numbers(one["x"]) for one in dotted] == [[1, 2], [1, 2]]
        assert any(
            "forked from “parent” after epoch 2" in text for text in page_texts(opened("fork"))
        )
        store.delete(run.id)
        alone = opened("fork")
        assert any("forked from a deleted run" in text for text in page_texts(alone))
        assert numbers(charts(alone)[1]["data"][0]["x"]) == [3]
    for shown in (app, watched, alone):
        assert not shown.exception


def test_learning_rates_are_shown_below_the_losses(store: RunStore) -> None:
    runs = [stored_runs.store_run(store, OWN, name=name) for name in ("a", "b")]
    accuracy, loss = charts(opened(*(run.id for run in runs)))
    rates = [trace for trace in loss["data"] if trace.get("yaxis") == "y2"]
    assert [numbers(trace["y"]) for trace in rates] == [[0.001] * 4, [0.001] * 4]
    assert not [trace for trace in accuracy["data"] if trace.get("yaxis") == "y2"]


def test_smoothing_and_the_axis_are_in_the_address(store: RunStore) -> None:
    run = with_published_history(store)
    app = opened_by_link("runs", runs=run.id, smooth="5", axis="log")
    accuracy, loss = (figure["layout"]["yaxis"] for figure in charts(app))
    assert (loss["type"], accuracy["type"]) == ("log", "linear")
    assert loss["title"]["text"] == "Loss, mean of 5 epochs"
    assert "Fork" not in buttons(app)
    assert not app.exception


def test_comparing_losses_of_an_earlier_version_shows_a_note(store: RunStore) -> None:
    new, other = (stored_runs.store_run(store, OWN, name=name) for name in ("new", "other"))
    old = stored_runs.mark_earlier_losses(store, stored_runs.store_run(store, OWN, name="old"))
    clipped = "validation loss clipped at 16.1 per image"

    app = opened(old.id)
    assert f":material/info: Losses: {clipped}." in page_texts(app)
    app = opened(new.id)
    assert not [text for text in page_texts(app) if "clipped" in text]

    app = opened(new.id, old.id)
    assert (
        f":material/info: Losses are computed in different ways. “old”: {clipped}; other runs: "
        "plain cross-entropy."
    ) in page_texts(app)
    assert app.dataframe[1].value["Losses"].tolist() == ["plain cross-entropy", clipped]
    assert ["losses", "plain cross-entropy", clipped] in differences(app)

    app = opened(new.id, other.id)
    assert not [text for text in page_texts(app) if "clipped" in text]
    assert "Losses" not in app.dataframe[1].value.columns

    app = opened_by_link("runs", sort="loss")
    assert [text for text in page_texts(app) if "Losses are computed in different ways" in text]
    app = opened_by_link("runs", sort="name")
    assert not [text for text in page_texts(app) if "clipped" in text]
    assert not app.exception
