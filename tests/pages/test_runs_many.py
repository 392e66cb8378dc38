"""Comparing many runs, in Runs as in the lab."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.overfitting import START_RULE
from cifarviz.experiment.choices import Data, EarlyStopping
from cifarviz.experiment.lab import cures
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.records import Run
from cifarviz.runs.series import save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import charts
from tests.pages.app_page import opened_by_link
from tests.pages.runs_page import differences, opened, page_texts

OWN = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))


def cured(store: RunStore) -> tuple[str, list[Run]]:
    """The id of a series of the lab and its six runs, each with a few epochs."""
    entry = cures(Data(train_images=200), epochs=9, seed=1)
    runs = [
        stored_runs.store_run(store, one.experiment, name=f"Cures: {one.label}", epochs=6)
        for one in entry.arms
    ]
    for run in runs:
        store.describe(run.id, validation_images=1000)
    labels = [(run.id, one.label) for run, one in zip(runs, entry.arms, strict=True)]
    return save_series(store, "cures", entry.title, labels).id, runs


def looks(figure: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Colour and dash of each line of validation by the name in the legend."""
    return {
        line["name"].replace("· Cures: ", "· "): (line["line"]["color"], line["line"]["dash"])
        for line in figure["data"]
        if line["mode"] == "lines" and line["showlegend"]
    }


def configured(app: AppTest, place: int) -> dict[str, Any]:
    return json.loads(app.dataframe[place].proto.columns)


def test_runs_have_the_same_line_styles_as_in_the_lab(store: RunStore) -> None:
    series, runs = cured(store)
    # Ticked in any order.
    here = looks(charts(opened(*(run.id for run in reversed(runs))))[1])
    _gaps, lab = charts(opened_by_link("lab", view="cures", series=series))
    assert here == looks(lab)
    assert next(iter(here)) == "1 · no cure"
    assert len(set(here.values())) == 6
    assert {dash for _, dash in here.values()} == {"solid"}


def test_runs_shows_the_same_weights_and_gaps_as_the_lab(store: RunStore) -> None:
    series, runs = cured(store)
    # Early stopping went back to the fourth of its six epochs.
    back = runs[-1]
    for epoch in (5, 6):
        stored_runs.raise_validation_loss(store, back, epoch)
    app = opened(*(run.id for run in runs))
    fits = app.dataframe[1].value.set_index("Run")
    lab = opened_by_link("lab", view="cures", series=series).dataframe[0].value.set_index("Run")
    for number, label in enumerate(lab.index, 1):
        kept = fits.loc[f"{number} · Cures: {label}"]
        assert kept["Weights from"] == lab.loc[label, "Weights from"]
        assert kept["Accuracy gap of weights"] == pytest.approx(lab.loc[label, "Gap"])
    # Its accuracies after epoch 4, and after the last.
    own = fits.loc[f"{len(runs)} · Cures: all together"]
    assert (own["Weights from"], own["Last epoch"]) == (4, 6)
    assert own["Accuracy gap of weights"] == pytest.approx(100 * (2 / 4 / 3 - 2 / 4 / 4))
    assert own["Accuracy gap, last"] == pytest.approx(100 * (2 / 6 / 3 - 2 / 6 / 4))
    alone = "\n".join(page_texts(opened(back.id)))
    assert "Gap of the weights used, epoch 4" in alone
    assert "accuracy 4.2 points" in alone


def test_nine_runs_are_in_every_table_with_reasons(store: RunStore) -> None:
    stopping = EarlyStopping(patience=2, restore_best_weights=True)
    runs = [
        stored_runs.store_run(
            store,
            OWN.model_copy(
                update={"seed": number, "early_stopping": stopping if number == 8 else None}
            ),
            name=f"run {number}",
            epochs=4,
        )
        for number in range(9)
    ]
    app = opened(*(run.id for run in runs))
    names = [run.name for run in runs]
    names = [f"{number} · {name}" for number, name in enumerate(names, 1)]
    assert list(looks(charts(app)[0])) == names
    verdicts, gaps = app.dataframe[1].value, app.dataframe[2].value
    titles, *rows = differences(app)
    table = dict(zip(titles, zip(*rows, strict=True), strict=True))
    assert list(verdicts["Run"]) == list(gaps["Run"]) == names
    assert all(reason.endswith(".") for reason in verdicts["Why"])
    assert list(table["Run"]) == names
    assert list(table["seed"]) == [str(number) for number in range(9)]
    # Wide enough for its heading and its cells: six pixels a letter at least.
    for column in configured(app, 3).values():
        if name := column.get("label"):
            longest = max(len(name), *(len(cell) for cell in table[name]))
            assert column["width"] >= 6 * longest
    assert "early stopping, restore the best weights" in table
    assert not [text for text in page_texts(app) if "Choose fewer" in text]
    assert configured(app, 2)["Overfitting starts"]["help"] == START_RULE
    assert not app.exception


def test_the_tables_of_a_comparison_fit_a_window_of_1440_pixels(store: RunStore) -> None:
    other = PRESETS["cifar10-vgg"].experiment
    long = "16 filters in layer 1 · learning rate 0.0001 · Overfitting and feature maps · sample"
    runs = [
        stored_runs.store_run(store, OWN if number else other, name=f"{long} {number}", epochs=4)
        for number in range(9)
    ]
    for count in (2, 4, 9):
        app = opened(*(run.id for run in runs[:count]))
        for place in range(1, len(app.dataframe) - (count == 9)):
            columns = configured(app, place)
            widths = [columns[name].get("width", 0) for name in app.dataframe[place].value.columns]
            assert all(widths)
            assert sum(widths) <= 1060, (count, place)
        assert not app.exception


def test_the_newest_run_is_offered_and_a_linked_run_is_visible(store: RunStore) -> None:
    runs = [
        stored_runs.store_run(
            store, OWN, name=f"run {number}", epochs=0,
            state=RunState.STOPPED if number < 3 else RunState.FINISHED,
        )
        for number in range(18)
    ]  # fmt: skip

    def listed(app: AppTest) -> list[str]:
        return list(app.dataframe[0].value["Name"])

    newest_first = [run.name for run in reversed(runs)]
    offered = [one.label for one in opened_by_link("runs", state="stopped", sort="oldest").button]
    assert "Select the newest: “run 2”" in offered
    first_said = "The runs selected by the link come first."
    linked = opened(runs[0].id, runs[1].id)
    assert listed(linked) == ["run 1", "run 0", *newest_first[:-2]]
    assert first_said in page_texts(linked)
    seen = opened(runs[15].id)
    assert listed(seen) == newest_first
    assert first_said not in page_texts(seen)
    nothing = opened_by_link("runs", find="nothing like it")
    assert not [one for one in nothing.button if one.label.startswith("Select the newest")]
    assert not linked.exception


def test_the_short_list_holds_twenty_runs_and_selects_them(store: RunStore) -> None:
    runs = [
        stored_runs.store_run(store, OWN, name=f"run {number}", epochs=1) for number in range(52)
    ]
    oldest, *_, newest = runs
    app = opened(oldest.id)
    short_list = app.button_group(key="runs-short")
    assert short_list.value == [oldest.id]
    # The run of the link, which comes first, and the newest.
    assert len(short_list.options) == 20
    assert "32 more. Find them by their names, or filter the list." in page_texts(app)
    short_list.set_value([oldest.id, newest.id]).run()
    assert set(app.query_params["runs"].split(",")) == {oldest.id, newest.id}
    assert not app.exception


def test_runs_of_one_name_are_told_apart_in_the_short_list(store: RunStore) -> None:
    one, other = (stored_runs.store_run(store, OWN, name="same", epochs=1) for _ in range(2))
    short_list = opened(one.id).button_group(key="runs-short")
    # Streamlit takes options with equal labels for one.
    assert len(set(short_list.options)) == 2
    assert short_list.value == [one.id] != [other.id]
