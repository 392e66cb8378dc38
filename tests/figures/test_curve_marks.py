"""What the curves show of overfitting and of forks: values first, then the drawing."""

import numpy as np
import plotly.graph_objects as go
import pytest

from cifarviz.figures.curve_marks import EpochCurves
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)

TRAINING = np.array([1.0, 0.6, 0.3, 0.1])
VALIDATION = np.array([1.1, 0.9, 1.0, 1.2])


def trace_named(figure: go.Figure, name: str) -> go.Scatter:
    [found] = [trace for trace in figure.data if trace.name == name]
    return found


def run(name: str = "a", first: int = 1, **kind: object) -> RunCurve:
    return RunCurve(name, np.arange(first, first + 4), TRAINING, VALIDATION, **kind)  # type: ignore[arg-type]


def test_the_gap_is_drawn_behind_both_curves() -> None:
    curves = history_curves(
        "loss", epochs=[1, 2, 3, 4], training=TRAINING, validation=[1.1, np.nan, 1.0, 1.2]
    )
    gap = trace_named(history_figure(curves), "Gap")
    assert list(gap.x) == [1, 3, 4, 4, 3, 1]
    assert list(gap.y) == pytest.approx([1.0, 0.3, 0.1, 1.2, 1.0, 1.1])
    assert (gap.fill, gap.zorder) == ("toself", -1)
    alone = history_curves("loss", epochs=[1], training=[1.0], validation=[1.1])
    assert "Gap" not in [trace.name for trace in history_figure(alone).data]


def test_the_start_of_overfitting_is_a_line_in_both_charts() -> None:
    curves = history_curves(
        "accuracy",
        epochs=[1, 2, 3, 4],
        training=TRAINING,
        validation=VALIDATION,
        overfitting_start=2,
    )
    figure = history_figure(curves)
    assert [(line.x0, line.x1) for line in figure.layout.shapes] == [(2, 2)]
    assert [words.text for words in figure.layout.annotations] == ["Overfitting<br>starts"]


def test_the_parents_curves_before_a_fork_are_dotted() -> None:
    before = EpochCurves(np.array([1, 2]), np.array([2.0, 1.5]), np.array([2.1, 1.6]))
    curves = history_curves(
        "loss", epochs=[3, 4], training=[1, 0.5], validation=[1, 0.9], before=before
    )
    line = trace_named(history_figure(curves), "Before the fork, validation")
    assert (list(line.x), list(line.y), line.line.dash) == ([1, 2], [2.1, 1.6], "dot")
    own = trace_named(history_figure(curves), "Validation")
    assert (list(own.x), list(own.y)) == ([2, 3, 4], pytest.approx([1.6, 1, 0.9]))


def test_a_fork_is_a_branch_that_begins_at_its_parents_point() -> None:
    fork = run("fork", first=3, branch=(2, 0.6, 0.9))
    figure = history_comparison_figure(history_comparison("loss", [run(overfitting_start=2), fork]))
    training, validation = [
        trace for trace in figure.data if trace.legendgroup == "1" and trace.name != "Gap"
    ]
    assert list(training.x) == [2, 3, 4, 5, 6]
    assert training.y[0] == pytest.approx(0.6)
    assert validation.y[0] == pytest.approx(0.9)
    turn = trace_named(figure, "Overfitting starts")
    assert (list(turn.x), list(turn.y)) == ([2], [pytest.approx(0.9)])


def test_a_fork_of_a_run_without_validation_begins_at_its_training() -> None:
    fork = RunCurve("fork", np.array([3, 4]), np.array([0.5, 0.4]), branch=(2, 0.6, None))
    figure = history_comparison_figure(history_comparison("loss", [fork]))
    assert [list(trace.x) for trace in figure.data] == [[2, 3, 4]]


def test_the_gaps_of_many_runs_are_left_out() -> None:
    runs = [run(name) for name in "abcd"]

    def gaps(count: int) -> list[go.Scatter]:
        figure = history_comparison_figure(history_comparison("loss", runs[:count]))
        return [trace for trace in figure.data if trace.name == "Gap"]

    assert [len(gaps(count)) for count in (1, 2, 3, 4)] == [1, 2, 3, 0]
    # Where several lie over each other, they are together about as dense as one.
    density = [float(gaps(count)[0].fillcolor.rstrip(")").split(",")[-1]) for count in (1, 2, 3)]
    assert density == pytest.approx([0.16, 0.1, 0.2 / 3], abs=1e-3)


def test_the_axis_title_names_metric_and_smoothing() -> None:
    layout = history_comparison_figure(
        history_comparison("loss", [run()], logarithmic=True, smoothed_over=5)
    ).layout
    assert (layout.yaxis.type, layout.yaxis.title.text) == ("log", "Loss, mean of 5 epochs")


def test_the_parents_learning_rates_are_drawn_before_those_of_a_fork() -> None:
    nothing = np.array([np.nan, np.nan])
    before = EpochCurves(np.array([1, 2]), np.array([2.0, 1.5]), nothing, np.array([0.1, 0.05]))
    curves = history_curves("loss", epochs=[3], training=[1], before=before, rates=[0.002])
    parent, own = [trace for trace in history_figure(curves).data if trace.yaxis == "y2"]
    assert (list(parent.x), list(parent.y)) == ([1, 2], [0.1, 0.05])
    assert (list(own.x), list(own.y)) == ([3], pytest.approx([0.002]))
    assert parent.line.dash == "dot"
    assert parent.hovertemplate.startswith("Parent: ")
