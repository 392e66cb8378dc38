"""The learning rate that was used, under the loss."""

import numpy as np
import pytest

from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.learning_rate import format_rates

EPOCHS = np.array([1, 2, 3])


def drawn(rates, metric="loss"):
    curves = history_curves(metric, epochs=EPOCHS, training=[3, 2, 1], rates=rates)
    return history_figure(curves)


def rate_traces(figure) -> list:
    return [trace for trace in figure.data if trace.yaxis == "y2"]


def test_the_rate_is_drawn_under_the_loss() -> None:
    figure = drawn([0.1, 0.1, 0.05])
    [line] = rate_traces(figure)
    # Under the plot of the loss, on its x axis.
    assert line.xaxis is None
    assert figure.layout.xaxis.anchor == "y2"
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]
    assert "epoch 3" in line.text[-1]
    assert figure.layout.yaxis2.type == "linear"


@pytest.mark.parametrize(
    ("rates", "points"),
    [
        # The rate before the only end is unknown.
        ([0.1], [(1, 0.1)]),
        ([0.1, 0.1], [(0, 0.1), (1, 0.1), (2, 0.1)]),
        # A step is at the beginning of its epoch.
        ([0.1, 0.1, 0.05], [(0, 0.1), (1, 0.1), (2, 0.1), (2, 0.05), (3, 0.05)]),
        ([0.1, 0.05, 0.05], [(0, 0.1), (1, 0.1), (1, 0.05), (2, 0.05), (3, 0.05)]),
        # A rate that falls in every step was higher before the end of the first epoch.
        ([0.1, 0.05], [(1, 0.1), (2, 0.05)]),
        ([0.1, 0.08, 0.03, 0], [(1, 0.1), (2, 0.08), (3, 0.03), (4, 0)]),
    ],
)
def test_a_rate_that_changes_in_every_epoch_is_a_slope(rates, points) -> None:
    epochs = np.arange(1, len(rates) + 1)
    curves = history_curves("loss", epochs=epochs, training=np.ones(len(rates)), rates=rates)
    [line] = rate_traces(history_figure(curves))
    assert list(line.x) == [x for x, _ in points]
    assert np.allclose(line.y, [y for _, y in points])
    assert line.line.shape is None
    assert line.mode == ("markers" if len(points) == 1 else "lines")


def test_a_constant_rate_shows_its_value() -> None:
    layout = drawn([0.001, 0.001, 0.001]).layout
    assert [one.text for one in layout.annotations] == ["Learning rate 0.001"]
    assert np.allclose(layout.yaxis2.tickvals, [0.001])


@pytest.mark.parametrize(
    ("rates", "kind"),
    [([0.1, 0.05, 0.011], "linear"), ([0.1, 0.05, 0.009], "log"), ([0.1, 0.05, 0], "linear")],
)
def test_rates_more_than_a_decade_apart_are_on_a_logarithmic_axis(rates, kind) -> None:
    layout = drawn(rates).layout
    assert layout.yaxis2.type == kind
    assert ("logarithmic" in layout.annotations[0].text) == (kind == "log")


def test_there_is_no_panel_before_an_epoch_nor_under_the_accuracy() -> None:
    begun = history_figure(history_curves("loss", batch_epochs=[0.1], batch_values=[2.3]))
    for figure in (begun, drawn([0.1, 0.1, 0.1], "accuracy")):
        assert rate_traces(figure) == []
        assert figure.layout.yaxis.domain is None


def test_a_fork_begins_where_it_leaves_its_parent() -> None:
    curves = history_curves("loss", epochs=[4, 5], training=[2, 1], rates=[0.1, 0.1])
    [line] = rate_traces(history_figure(curves))
    assert list(line.x) == [3, 4, 5]


@pytest.mark.parametrize("count", [2, 5])
def test_each_compared_run_has_a_line_in_its_legend_group(count: int) -> None:
    runs = [
        RunCurve(f"run {n}", EPOCHS, 1 / EPOCHS, 2 / EPOCHS, rates=np.full(3, 0.1 / (n + 1)))
        for n in range(count)
    ]
    figure = history_comparison_figure(history_comparison("loss", runs))
    lines = rate_traces(figure)
    assert [line.legendgroup for line in lines] == [str(n) for n in range(count)]
    training = {
        trace.legendgroup: trace.line
        for trace in figure.data
        if trace.yaxis is None and "training" in (trace.hovertemplate or "")
    }
    assert [line.line.color for line in lines] == [training[str(n)].color for n in range(count)]
    assert "run 1" in lines[1].hovertemplate
    assert not any(line.showlegend for line in lines)
    assert rate_traces(history_comparison_figure(history_comparison("accuracy", runs))) == []


def test_learning_rates_are_formatted() -> None:
    assert format_rates(np.array([0.001, 0.001])) == "Learning rate 0.001"
    assert format_rates(np.array([0.01, 0.000005])) == "Learning rate 5e-6 to 0.01"
