"""The curve of a range test: points, axis and marks."""

import numpy as np
import pytest

from cifarviz.figures.range_test import RangeTestCurve, range_test_figure

RATES = np.geomspace(1e-5, 0.1, 900)


def curve(count: int = 900, **marks: float) -> RangeTestCurve:
    losses = np.linspace(2.3, 1.5, 900, dtype=np.float32)[:count]
    return RangeTestCurve(RATES, losses, losses.astype(np.float64), **marks)


def test_each_batch_and_the_smoothed_loss_are_over_the_rate() -> None:
    figure = range_test_figure(curve())
    batches, smoothed = figure.data
    assert batches.name == "Each batch"
    assert smoothed.name == "Smoothed"
    # Thinned out, with the newest step.
    assert len(batches.x) == len(smoothed.x) == 300
    assert batches.x[-1] == RATES[-1]
    assert smoothed.y[-1] == pytest.approx(1.5)
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.range == pytest.approx((-5, -1))


def test_the_axis_of_a_test_under_way_is_that_of_the_whole_test() -> None:
    figure = range_test_figure(curve(40))
    assert len(figure.data[0].x) == 40
    assert figure.layout.xaxis.range == pytest.approx((-5, -1))


def test_steepest_and_suggested_rate_are_marked_on_the_curve() -> None:
    figure = range_test_figure(curve(steepest=2e-4, suggested=0.00123))
    steepest, suggested = figure.data[2:]
    assert steepest.name == "Steepest: 0.0002"
    assert suggested.name == "Suggested: 0.0012"
    assert suggested.x == (0.00123,)
    assert 1.5 < suggested.y[0] < 2.3
    assert [shape.x0 for shape in figure.layout.shapes] == [2e-4, 0.00123]
    assert len({trace.marker.symbol for trace in (steepest, suggested)}) == 2


def test_losses_that_explode_do_not_flatten_the_curve() -> None:
    losses = np.concatenate([np.linspace(2.3, 1.5, 800), np.geomspace(2, 1e6, 100)])
    shown = RangeTestCurve(RATES, losses.astype(np.float32), losses)
    low, high = range_test_figure(shown).layout.yaxis.range
    assert 1 < low < 1.5
    assert 2.3 < high < 3


def test_before_the_first_step_it_says_what_is_done() -> None:
    figure = range_test_figure(RangeTestCurve.empty())
    assert not figure.data
    assert "Building the network" in figure.layout.annotations[0].text


def test_more_losses_than_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="2 losses and 2 smoothed ones of 1 rates"):
        RangeTestCurve(RATES[:1], np.ones(2, np.float32), np.ones(2))
    with pytest.raises(ValueError, match="2 losses and 1 smoothed ones"):
        RangeTestCurve(RATES, np.ones(2, np.float32), np.ones(1))
