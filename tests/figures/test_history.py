"""Curves of one run and of several."""

import numpy as np

from cifarviz.experiment.presets import HistoryRow
from cifarviz.figures.curve_marks import published_curves
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.theme import TEST, TRAINING, VALIDATION, MetricName

EPOCHS = np.array([1, 2, 3])
ROWS = [HistoryRow(epoch, 2 / epoch, 0.1 * epoch, 3 / epoch, 0.05 * epoch) for epoch in range(1, 6)]
ONE = RunCurve("a", EPOCHS, 1 / EPOCHS, 2 / EPOCHS)


def names(figure) -> list[str]:
    return [trace.name for trace in figure.data]


def test_many_batches_are_thinned_and_the_last_one_is_kept() -> None:
    x = np.linspace(0, 10, 12_500)
    curves = history_curves("loss", batch_epochs=x, batch_values=x, max_points=1000)
    assert curves.batch_x.size == curves.batch_y.size == curves.trend.size <= 1000
    assert curves.batch_x[0] == 0
    assert curves.batch_x[-1] == 10


def test_the_trend_is_smooth_and_does_not_lag() -> None:
    x = np.linspace(0, 10, 2000)
    noise = np.where(np.arange(2000) % 2, 0.5, -0.5)
    curves = history_curves("loss", batch_epochs=x, batch_values=x + noise, max_points=5000)
    inner = slice(40, -40)
    assert np.abs(curves.trend[inner] - curves.batch_x[inner]).max() < 0.05


def test_a_batch_that_is_not_a_number_is_a_gap_and_not_the_end_of_the_trend() -> None:
    values = np.ones(500)
    values[100] = np.nan
    curves = history_curves("loss", batch_epochs=np.arange(500), batch_values=values)
    assert np.isnan(curves.batch_y[100])
    # Nor at the ends, where there is none.
    assert np.all(curves.trend[5:-5] == 1)


def test_training_is_blue_and_validation_orange_with_the_best_epoch() -> None:
    curves = history_curves(
        "accuracy",
        epochs=EPOCHS,
        training=[0.4, 0.5, 0.6],
        validation=[0.4, 0.55, 0.5],
        best_epoch=2,
    )
    training, validation, best, _gap = history_figure(curves).data
    assert (training.line.color, validation.line.color) == (TRAINING, VALIDATION)
    assert (best.name, list(best.x), round(best.y[0], 3)) == ("Best epoch", [2], 0.55)


def test_without_validation_the_best_epoch_lies_on_training() -> None:
    curves = history_curves("loss", epochs=EPOCHS, training=[3, 1, 2], best_epoch=2)
    figure = history_figure(curves)
    assert names(figure) == ["Training", "Best epoch"]
    assert list(figure.data[1].y) == [1]


def test_a_best_epoch_not_among_the_epochs_is_left_out() -> None:
    curves = history_curves("loss", epochs=EPOCHS, training=[3, 1, 2], best_epoch=9)
    assert names(history_figure(curves)) == ["Training"]


def test_batches_alone_are_drawn_before_the_first_epoch_ends() -> None:
    curves = history_curves("loss", batch_epochs=[0.1, 0.2], batch_values=[2.3, 2.2])
    assert not curves.empty
    assert "Training batches" in names(history_figure(curves))


def test_without_points_there_is_a_message() -> None:
    figure = history_figure(history_curves("loss"))
    assert len(figure.data) == 0
    assert "first training batch" in figure.layout.annotations[0].text


def test_shares_have_as_many_decimals_as_their_ticks_need() -> None:
    one = history_figure(history_curves("accuracy", epochs=EPOCHS, training=[0.1, 0.1, 0.11]))
    several = history_comparison_figure(history_comparison("accuracy", [ONE]))
    for figure in (one, several):
        stops = figure.layout.yaxis.tickformatstops
        for apart, wanted in ((0.2, ".0%"), (0.01, ".0%"), (0.005, ".1%"), (0.0005, ".2%")):
            fitting = [
                stop.value
                for stop in stops
                if (stop.dtickrange[0] or 0) <= apart <= (stop.dtickrange[1] or 1)
            ]
            assert fitting == [wanted]
    assert not history_comparison_figure(
        history_comparison("loss", [ONE])
    ).layout.yaxis.tickformatstops


def test_the_first_batch_does_not_fill_the_axis() -> None:
    curves = history_curves("accuracy", batch_epochs=[1 / 12_500], batch_values=[0.0])
    layout = history_figure(curves).layout
    assert np.isclose(layout.xaxis.autorangeoptions.include[1], 20 / 12_500)
    assert (layout.yaxis.minallowed, layout.yaxis.maxallowed) == (-0.05, 1.05)
    few = history_curves("loss", batch_epochs=[0.5, 1.0], batch_values=[2.0, 1.0])
    assert history_figure(few).layout.xaxis.autorangeoptions.include[1] == 1.0


def test_the_trend_of_a_short_run_is_smooth_too() -> None:
    noisy = np.where(np.arange(120) % 2, 0.0, 1.0)
    curves = history_curves("accuracy", batch_epochs=np.arange(120), batch_values=noisy)
    assert np.ptp(curves.trend[10:-10]) < 0.1


def test_early_stopping_is_a_line_with_a_label() -> None:
    places: dict[MetricName, int] = {"loss": 1, "accuracy": 0}
    for metric, place in places.items():
        curves = history_curves(metric, epochs=EPOCHS, training=[3, 1, 2], stopped_early=3)
        layout = history_figure(curves).layout
        assert [(line.x0, line.x1, line.yref) for line in layout.shapes] == [(3, 3, "paper")]
        (label,) = layout.annotations
        assert (label.text, label.x, label.y) == ("Stopped early", 3, place)
    whole = history_figure(history_curves("loss", epochs=EPOCHS, training=[3, 1, 2]))
    assert not whole.layout.shapes


def test_published_curves_end_with_the_planned_epochs() -> None:
    loss = published_curves("loss", ROWS, "test", 3)
    accuracy = published_curves("accuracy", ROWS, "validation", 99)
    assert loss is not None
    assert accuracy is not None
    assert list(loss.epochs) == [1, 2, 3]
    assert np.allclose(loss.evaluation, [3, 1.5, 1])
    assert np.allclose(accuracy.training, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert published_curves("loss", ROWS, "test", 0) is None
    assert published_curves("loss", [], "test", 9) is None


def test_published_curves_are_dashed_behind_the_runs_curves() -> None:
    published = published_curves("loss", ROWS, "validation", 9)
    curves = history_curves("loss", epochs=EPOCHS, training=[3, 1, 2], published=published)
    training, held_out, mine = history_figure(curves).data
    assert (training.line.dash, held_out.line.dash, mine.line.dash) == ("dash", "dash", None)
    assert training.line.width < mine.line.width
    assert (training.line.color, held_out.line.color) == (TRAINING, VALIDATION)
    assert [trace.mode for trace in (training, held_out)] == ["lines", "lines"]
    assert (training.name, held_out.name) == ("Published training", "Published validation")
    assert (training.showlegend, held_out.showlegend) == (None, None)


def test_two_published_epochs_are_points() -> None:
    published = published_curves("loss", [ROWS[0], ROWS[-1]], "test", 9)
    curves = history_curves("loss", epochs=EPOCHS, training=[3, 1, 2], published=published)
    training, held_out = history_figure(curves).data[:2]
    assert (training.mode, held_out.mode) == ("markers", "markers")
    # What was measured on the test images is in their colour, and the legend says what it is.
    assert (training.marker.color, held_out.marker.color) == (TRAINING, TEST)
    assert (training.name, held_out.name) == ("Published training", "Published test")


def test_the_legend_of_a_run_is_below_the_buttons() -> None:
    legend = history_figure(history_curves("loss", epochs=EPOCHS, training=[3, 2, 1])).layout.legend
    assert (legend.yref, legend.yanchor) == ("container", "top")
    # The buttons are 22 pixels high, and the lowest figure has 360.
    assert (1 - legend.y) * 360 > 21
