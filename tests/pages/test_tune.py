"""The Tune page with runs chosen on the Runs page."""

import io
import re
from collections.abc import Iterator, Sequence

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.trials import trials_of_runs
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from cifarviz.runs.series import all_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.tune.results import trials_table
from tests import stored_runs
from tests.components import chart, components, parallel_coordinates
from tests.pages.app_page import address_of, opened_by_link, widget
from tests.pages.page_contents import drawn
from tests.varied_runs import store_varied_runs


@pytest.fixture
def store(store: RunStore) -> Iterator[RunStore]:
    """An empty home of this test's own, and nothing left at work in it."""
    yield store
    for run in store.active():
        store.request(run.id, "stop")  # type: ignore[arg-type]
        cache.worker().wait(run.id, 30)


def opened(runs: Sequence[Run], **address: object) -> AppTest:
    app = opened_by_link("tune", view="runs", runs=",".join(run.id for run in runs), **address)
    assert not app.exception
    return app


def best_run(store: RunStore) -> Run:
    return max(store.all(), key=lambda run: run.best_val_accuracy or 0)


def test_the_best_is_shown_with_its_settings_and_links(store: RunStore) -> None:
    app = opened(store_varied_runs(store, 12))
    best = best_run(store)
    text = drawn(app)
    assert f"Best validation accuracy: {best.best_val_accuracy:.1%}" in text
    assert "12 finished" in text
    assert f"**{best.name}**" in text
    rate = f"{best.experiment.optimizer.learning_rate:.3g}"
    assert f"learning rate **{rate}**" in text.replace("\\", "")
    assert re.search(rf"^link: Take as base on Train train\?.*run={best.id}", text, re.MULTILINE)
    assert "the best also had luck" in text
    assert not app.error


def test_parallel_coordinates_are_the_first_chart(store: RunStore) -> None:
    app = opened(store_varied_runs(store, 12))
    shown = parallel_coordinates(app, "tune-runs-parallel")
    labels = [axis["label"] for axis in shown["axes"]]
    assert labels == ["flip", "optimiser", "learning rate", "batch size", "Validation accuracy"]
    assert len(shown["lines"]) == 12
    assert shown["lines"][-1]["number"] == shown["best"]


def test_a_chart_is_chosen_and_stays_in_the_address(store: RunStore) -> None:
    app = opened(store_varied_runs(store, 12))
    widget(app, "segmented_control", "tune-runs-chart").set_value("history").run()
    assert address_of(app)["chart"] == "history"
    figure = chart(app, "tune-runs-history")
    assert "Best so far" in [trace["name"] for trace in figure["data"]]
    assert not components(app, "parallel_coordinates")
    widget(app, "segmented_control", "tune-goal").set_value("loss").run()
    assert "Best validation loss" in drawn(app)
    assert chart(app, "tune-runs-history")["layout"]["yaxis"]["title"]["text"] == "Validation loss"


def test_importances_come_when_they_are_computed(store: RunStore) -> None:
    app = opened(store_varied_runs(store, 14), chart="importance")
    for _ in range(100):
        if components(app, "chart"):
            break
        app.run()
    [bars] = chart(app, "tune-runs-importance")["data"]
    assert bars["y"][-1] == "learning rate"
    assert "From 14 finished trials." in drawn(app)


def test_few_trials_have_no_importances(store: RunStore) -> None:
    app = opened(store_varied_runs(store, 3), chart="importance")
    assert [info.value[:23] for info in app.info] == ["Too few trials to tell:"]


def test_the_axes_of_a_contour_are_two_settings(store: RunStore) -> None:
    app = opened(store_varied_runs(store, 14), chart="contour")
    surface, points, _ = chart(app, "tune-runs-contour")["data"]
    assert (surface["type"], len(points["customdata"])) == ("contour", 14)
    app = opened(store.all(), chart="contour", x="batch_size", y="optimizer")
    layout = chart(app, "tune-runs-contour")["layout"]
    assert layout["xaxis"]["title"]["text"] == "batch size"
    assert layout["yaxis"]["categoryarray"] == ["Adam", "SGD with momentum"]


def test_the_table_has_the_best_first_and_links_to_runs(store: RunStore) -> None:
    app = opened(store_varied_runs(store, 5))
    table = app.dataframe[0].value
    best = best_run(store)
    assert table["open"].iloc[0] == f"train?view=watch&run={best.id}"
    assert list(table["result"]) == sorted(table["result"], reverse=True)
    assert table["optimizer.learning_rate"].dtype == float


def test_the_table_can_be_saved(store: RunStore) -> None:
    runs = store_varied_runs(store, 3)
    trials = trials_of_runs(runs, store.histories([run.id for run in runs]))
    table = trials_table(trials, trials.trials)
    saved = pd.read_csv(io.StringIO(table.to_csv()))
    assert list(saved["run"]) == [run.id for run in runs]
    assert list(saved["trial"]) == [1, 2, 3]
    assert {"learning rate", "batch size", "validation_accuracy"} <= set(saved.columns)


def test_other_seeds_are_trained_and_their_spread_is_shown(store: RunStore) -> None:
    mine = stored_runs.store_run(store, stored_runs.experiment(seed=7, epochs=1), name="mine")
    worse = stored_runs.store_run(
        store, stored_runs.experiment(seed=7, epochs=2), name="worse", epochs=1
    )
    app = opened([mine, worse])
    assert "not trained yet" in drawn(app)
    app.button(key="tune-runs-seeds").click().run()
    [series] = all_series(store, "seeds")
    queued = [store.get(run_id) for run_id in series.run_ids]
    assert [run.experiment.seed for run in queued] == [8, 9, 10]
    assert series.labels == ("seed 8", "seed 9", "seed 10")
    # While they train, no more are offered.
    assert app.button(key="tune-runs-seeds").disabled
    assert "3 runs in training" in drawn(app)


def test_the_spread_of_other_seeds_is_beside_the_best(store: RunStore) -> None:
    made: list[Experiment] = [stored_runs.experiment(seed=seed) for seed in (1, 2, 3)]
    runs = [stored_runs.store_run(store, one, name=f"seed {one.seed}") for one in made]
    other = stored_runs.store_run(store, stored_runs.experiment(batch_size=64), epochs=1)
    text = drawn(opened([runs[0], other]))
    assert "Same settings, other seeds: 77.8%" in text
    assert "77.8% to 77.8%, 2 runs" in text
    assert re.search(r"^link: Compare its seeds runs\?", text, re.MULTILINE)


def test_fewer_than_two_runs_lead_to_the_runs_page(store: RunStore) -> None:
    [run] = store_varied_runs(store, 1)
    assert "Tick two or more runs" in drawn(opened([run]))
    app = opened_by_link("tune", view="runs")
    assert "link: Choose runs" in drawn(app)


def test_equal_runs_and_failed_runs_have_a_page(store: RunStore) -> None:
    same = [stored_runs.store_run(store, stored_runs.experiment()) for _ in range(2)]
    failed = stored_runs.store_run(
        store,
        stored_runs.experiment(),
        state=RunState.FAILED,
        epochs=0,
        message="The loss is not a number.",
    )
    for name in ("parallel", "history", "epochs", "importance", "slices", "contour"):
        app = opened([*same, failed], chart=name)
        assert not app.error
    assert "The loss is not a number." in drawn(app)
    only_failed = opened([failed, stored_runs.store_run(store, failed.experiment, epochs=0)])
    assert "No trial has a result yet" in drawn(only_failed)


def test_runs_offers_what_mattered(store: RunStore) -> None:
    runs = store_varied_runs(store, 2)
    app = opened_by_link("runs", runs=",".join(run.id for run in runs))
    assert re.search(r"^link: What mattered tune\?view=runs", drawn(app), re.MULTILINE)
    alone = opened_by_link("runs", runs=runs[0].id)
    assert "What mattered" not in drawn(alone)
