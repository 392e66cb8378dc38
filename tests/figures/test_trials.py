"""Figures of trials, by what they show."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cifarviz.analysis.importance import Importances
from cifarviz.analysis.trials import Trials, TrialValue
from cifarviz.figures.figure_json import encode
from cifarviz.figures.trials.parallel import parallel_coordinates
from cifarviz.figures.trials.progress import epochs_figure, history_figure
from cifarviz.figures.trials.settings import contour_figure, importances_figure, slices_figure
from cifarviz.figures.trials.text import (
    format_result,
    format_setting,
    hover_text,
    linear_ticks,
    log_ticks,
)
from tests.made_trials import PARAMETERS, made_trials, trial

RATE, BATCH, OPTIMISER = (parameter.key for parameter in PARAMETERS)
EMPTY = Trials("none", PARAMETERS, ())
FIGURES = (history_figure, epochs_figure, slices_figure)


def traces(figure: dict[str, Any]) -> dict[str, Any]:
    return {trace["name"]: trace for trace in figure["data"]}


def test_history_has_a_point_for_each_trial_that_leads_to_its_run() -> None:
    trials = made_trials(12)
    found = traces(history_figure(trials))
    assert found["Pruned"]["x"] == [5, 10]
    assert len(found["Finished"]["x"]) == 10
    assert found["Finished"]["customdata"][:2] == ["run-1", "run-2"]
    assert "learning rate" in found["Finished"]["hovertext"][0]
    best = trials.best
    assert best is not None
    assert found["Best"]["customdata"] == [best.run_id]
    steps = found["Best so far"]["y"]
    assert steps == sorted(steps)
    assert steps[-1] == best.value


def test_the_best_loss_so_far_falls() -> None:
    figure = history_figure(made_trials(12, "loss"))
    steps = traces(figure)["Best so far"]["y"]
    assert steps == sorted(steps, reverse=True)
    assert figure["layout"]["yaxis"]["title"]["text"] == "Validation loss"


def test_epochs_are_one_trace_a_state_with_gaps_between_trials() -> None:
    figure = epochs_figure(made_trials(12))
    found = traces(figure)
    curves, crosses = (trace for trace in figure["data"] if trace["name"] == "Pruned")
    assert curves["x"] == [1, None, 1, None]
    assert curves["customdata"] == ["run-5", None, "run-10", None]
    assert curves["line"]["dash"] == "dot"
    assert crosses["x"] == [1, 1]
    assert crosses["customdata"] == ["run-5", "run-10"]
    assert len(found["Finished"]["x"]) == 9 * 5
    assert len(found["Best"]["x"]) == 5


def test_slices_have_an_axis_a_parameter_and_shared_results() -> None:
    figure = slices_figure(made_trials(12))
    layout = figure["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert layout["xaxis2"]["tickvals"] == [16, 32, 64]
    assert layout["xaxis3"]["categoryarray"] == ["Adam", "Lion", "SGD"]
    assert layout["yaxis3"]["matches"] == "y"
    names = [(trace["name"], trace["xaxis"], trace["showlegend"]) for trace in figure["data"]]
    assert names[:4] == [
        ("Pruned", "x", True), ("Finished", "x", True), ("Best", "x", True), ("Pruned", "x2", False)
    ]  # fmt: skip


def test_a_contour_is_interpolated_between_ten_points_of_two_numbers() -> None:
    trials = made_trials(30)
    surface, points, best = contour_figure(trials, RATE, BATCH)["data"]
    assert surface["type"] == "contour"
    assert surface["x"][0] == pytest.approx(min(points["x"]))
    low, high = min(points["marker"]["color"]), max(points["marker"]["color"])
    inside = surface["z"][np.isfinite(surface["z"])]
    assert inside.min() >= low - 1e-6
    assert inside.max() <= high + 1e-6
    assert len(points["customdata"]) == 24
    assert best["name"] == "Best"
    few = contour_figure(made_trials(8), RATE, BATCH)["data"]
    assert [trace["type"] for trace in few] == ["scatter", "scatter"]
    choices = contour_figure(trials, RATE, OPTIMISER)["data"]
    assert [trace["type"] for trace in choices] == ["scatter", "scatter"]


def test_a_line_of_points_spans_no_area() -> None:
    trials = made_trials(20)
    flat = replace(
        trials,
        trials=tuple(
            replace(each, values={**each.values, BATCH: each.values[RATE]})
            for each in trials.trials
        ),
        parameters=tuple(replace(parameter, log=False) for parameter in PARAMETERS),
    )
    assert contour_figure(flat, RATE, BATCH)["data"][0]["type"] == "scatter"


def test_importances_are_bars_the_largest_at_the_top() -> None:
    shares = ((PARAMETERS[0], 0.9), (PARAMETERS[1], 0.0996), (PARAMETERS[2], 0.0004))
    [bar] = importances_figure(Importances(shares, 20))["data"]
    assert bar["y"] == ["optimiser", "batch size", "learning rate"]
    assert bar["text"] == ["< 1%", "10%", "90%"]


@pytest.mark.parametrize("count", [1, 2, 12, 500])
def test_any_number_of_trials_can_be_drawn(count: int) -> None:
    trials = made_trials(count)
    for draw in FIGURES:
        encode(draw(trials))
    encode(contour_figure(trials, RATE, BATCH))
    assert len(parallel_coordinates(trials).lines) == count


def test_trials_without_results_or_parameters_give_empty_figures() -> None:
    for trials in (EMPTY, replace(EMPTY, parameters=())):
        for draw in FIGURES:
            [note] = draw(trials)["layout"]["annotations"]
            assert note["text"].endswith(".")
        assert contour_figure(trials, RATE, BATCH)["data"] == []
    assert parallel_coordinates(EMPTY).lines == ()


def test_failed_trials_without_epochs_are_not_drawn() -> None:
    values: dict[str, TrialValue] = {RATE: 0.1, BATCH: 16, OPTIMISER: "SGD"}
    trials = made_trials(6)
    failed = replace(trials, trials=(*trials.trials, trial(7, values, (), "failed")))
    assert len(parallel_coordinates(failed).lines) == 6
    assert set(traces(history_figure(failed))) == set(traces(history_figure(trials)))


# ---- Parallel coordinates --------------------------------------------------------------------


def test_lines_cross_an_axis_for_each_parameter_and_the_result() -> None:
    trials = made_trials(12)
    found = parallel_coordinates(trials)
    assert [axis.label for axis in found.axes] == [
        "learning rate", "batch size", "optimiser", "Validation accuracy"
    ]  # fmt: skip
    rate, batch, optimiser, _ = found.axes
    assert {"0.001", "0.01"} <= {text for _, text in rate.ticks}
    assert [text for _, text in batch.ticks] == ["16", "32", "64"]
    assert [text for _, text in optimiser.ticks] == ["Adam", "Lion", "SGD"]
    assert optimiser.is_category
    last = found.lines[-1]
    assert last.trial is max(trials.trials, key=lambda each: each.value or 0)
    assert (last.positions[-1], last.quality) == (1.0, 1.0)


def test_a_brush_selects_trials() -> None:
    found = parallel_coordinates(made_trials(12))
    lowest = found.inside({BATCH: (0.0, 0.1)})
    assert {each.values[BATCH] for each in lowest} == {16}
    both = found.inside({BATCH: (0.0, 0.1), "result": (0.5, 1.0)})
    assert {each.number for each in both} <= {each.number for each in lowest}
    assert len(found.inside({"unknown": (0.0, 0.1)})) == 12


def test_missing_numbers_lie_below_all_others() -> None:
    trials = made_trials(12)
    first = trials.trials[0]
    gone = replace(first, values={**first.values, RATE: None})
    found = parallel_coordinates(replace(trials, trials=(gone, *trials.trials[1:])))
    assert found.axes[0].ticks[0] == (0.0, "–")
    places = {line.trial.number: line.positions[0] for line in found.lines}
    assert places.pop(1) == 0.0
    assert min(places.values()) > 0.1


# ---- Texts -----------------------------------------------------------------------------------


def test_values_are_formatted_as_people_write_them() -> None:
    settings = [0.0031622, 1024, 0.00001, True, None, "Adam", 12345.6]
    assert [format_setting(value) for value in settings] == [
        "0.00316", "1,024", "1e-5", "on", "–", "Adam", "12,346"
    ]  # fmt: skip
    assert [format_result(0.7129, "accuracy"), format_result(0.7129, "loss")] == ["71.3%", "0.713"]
    assert format_result(None, "loss") == "–"


def test_names_in_hovers_cannot_be_markup() -> None:
    hostile = replace(trial(1, {}, ((1, 0.5),)), name="<b>x</b>")
    assert "<b>x" not in hover_text(Trials("", (), (hostile,)), hostile)


def test_ticks_are_round_numbers_within_the_axis() -> None:
    assert log_ticks(0.0002, 0.2) == [0.001, 0.01, 0.1]
    assert log_ticks(0.001, 0.01) == [0.001, 0.002, 0.005, 0.01]
    assert log_ticks(3, 4) == [3, 4]
    assert linear_ticks(0.13, 0.61) == [0.2, 0.3, 0.4, 0.5, 0.6]
    assert linear_ticks(5, 5) == [5]
