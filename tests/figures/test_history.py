"""Curves of one run and of several."""

from collections import Counter
from dataclasses import replace

import numpy as np

from cifarviz.experiment.presets import HistoryRow
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.metric import Metric
from cifarviz.figures.published_curves import published_curves
from cifarviz.figures.theme import TEST, TRAINING, VALIDATION

EPOCHS = np.array([1, 2, 3])
ROWS = [HistoryRow(epoch, 2 / epoch, 0.1 * epoch, 3 / epoch, 0.05 * epoch) for epoch in range(1, 6)]


def names(figure) -> list[str]:
    return [trace.name for trace in figure.data]


def test_many_batches_are_thinned_and_the_last_one_is_kept() -> None:
    x = np.linspace(0, 10, 12_500)
    curves = history_curves("loss", batch_epochs=x, batch_values=x, most_points=1000)
    assert curves.batch_x.size == curves.batch_y.size == curves.trend.size <= 1000
    assert curves.batch_x[0] == 0
    assert curves.batch_x[-1] == 10


def test_the_trend_is_smooth_and_does_not_lag() -> None:
    x = np.linspace(0, 10, 2000)
    noise = np.where(np.arange(2000) % 2, 0.5, -0.5)
    curves = history_curves("loss", batch_epochs=x, batch_values=x + noise, most_points=5000)
    inner = slice(40, -40)
    assert np.abs(curves.trend[inner] - curves.batch_x[inner]).max() < 0.05


def test_a_batch_that_is_not_a_number_is_a_gap_and_not_the_end_of_the_trend() -> None:
    values = np.ones(500)
    values[100] = np.nan
    curves = history_curves("loss", batch_epochs=np.arange(500), batch_values=values)
    assert np.isnan(curves.batch_y[100])
    assert np.all(curves.trend == 1)


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


def test_nothing_yet_is_said_in_a_word() -> None:
    figure = history_figure(history_curves("loss"))
    assert len(figure.data) == 0
    assert "first training batch" in figure.layout.annotations[0].text


def run(name: str, epochs: int = 3, validated: bool = True) -> RunCurve:
    x = np.arange(1, epochs + 1)
    return RunCurve(name, x, 1 / x, 2 / x if validated else None)


def test_a_run_without_an_epoch_is_left_out_and_twins_are_numbered() -> None:
    value = history_comparison("loss", [run("a"), run("new", 0), run("a"), run("b")])
    assert [r.name for r in value.runs] == ["a", "a (2)", "b"]


def test_runs_are_told_apart_by_dash_and_marker() -> None:
    runs = [run("a"), run("b", validated=False), run("c")]
    traces = history_comparison_figure(history_comparison("loss", runs)).data
    assert [t.name for t in traces] == [
        "Training", "Validation", "Training", "Training", "Validation",
    ]  # fmt: skip
    training = [t for t in traces if t.name == "Training"]
    assert len({(t.line.dash, t.marker.symbol, t.line.color) for t in training}) == 3
    assert traces[0].line.color == TRAINING
    assert traces[1].line.color == VALIDATION


def test_no_run_is_dashed_as_published_curves_are() -> None:
    published = published_curves("loss", ROWS, "test", 9)
    runs = [run(name) for name in "abcdef"]
    traces = history_comparison_figure(history_comparison("loss", runs, published)).data
    assert {trace.line.dash for trace in traces[:2]} == {"dash"}
    dashes = [trace.line.dash for trace in traces[2:] if trace.name == "Training"]
    assert len(set(dashes)) == 6
    assert "dash" not in dashes


def test_shares_have_as_many_decimals_as_their_ticks_need() -> None:
    one = history_figure(history_curves("accuracy", epochs=EPOCHS, training=[0.1, 0.1, 0.11]))
    several = history_comparison_figure(history_comparison("accuracy", [run("a")]))
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
        history_comparison("loss", [run("a")])
    ).layout.yaxis.tickformatstops


def test_a_name_is_text_and_not_markup() -> None:
    value = history_comparison("loss", [run("<b>bold %{x}")])
    trace = history_comparison_figure(value).data[0]
    assert trace.hovertemplate.startswith("<b>&lt;b>bold %\u200b{x}</b>")
    assert trace.legendgrouptitle.text == "&lt;b>bold %\u200b{x}"


def test_no_runs_are_said_in_a_word() -> None:
    figure = history_comparison_figure(history_comparison("loss", []))
    assert "Choose runs" in figure.layout.annotations[0].text


def test_the_first_batch_has_axes_to_grow_into() -> None:
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


def test_where_it_stopped_early_is_a_line_with_its_label() -> None:
    places: dict[Metric, int] = {"loss": 1, "accuracy": 0}
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
    assert np.allclose(loss.held_out, [3, 1.5, 1])
    assert np.allclose(accuracy.training, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert published_curves("loss", ROWS, "test", 0) is None
    assert published_curves("loss", [], "test", 9) is None


def test_the_ghost_lies_dashed_behind_ones_own_curves() -> None:
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


def test_marks_of_all_runs_share_two_entries_of_the_legend() -> None:
    runs = [
        replace(run("a"), best_epoch=2, stopped_early=3),
        replace(run("b", validated=False), best_epoch=3),
        replace(run("c"), best_epoch=9),
    ]
    figure = history_comparison_figure(history_comparison("loss", runs))
    best, stopped = figure.data[-2:]
    assert (best.name, list(best.x), list(best.y)) == (
        "Best epoch",
        [2, 3],
        [1, float(np.float32(1 / 3))],
    )
    assert list(best.marker.color) == [VALIDATION, TRAINING]
    assert (stopped.name, list(stopped.x)) == ("Stopped early", [3])


def test_runs_compared_have_one_ghost_in_a_group_of_its_own() -> None:
    published = published_curves("accuracy", ROWS, "test", 9)
    figure = history_comparison_figure(history_comparison("accuracy", [run("a")], published))
    assert names(figure) == ["Training", "Test", "Training", "Validation", "Gap"]
    assert figure.data[0].legendgrouptitle.text == "Published"


def test_many_runs_are_plain_lines_with_one_entry_each() -> None:
    many = [run(f"r{number}") for number in range(9)]
    traces = history_comparison_figure(history_comparison("loss", many)).data[:18]
    assert {trace.mode for trace in traces} == {"lines"}
    shown = [trace.name for trace in traces if trace.showlegend]
    assert shown == [one.name for one in many]
    # An entry shows and hides the training curve, too.
    groups = Counter(trace.legendgroup for trace in traces)
    assert set(groups.values()) == {2}

    few = history_comparison_figure(history_comparison("loss", many[:8])).data[:16]
    assert {(trace.mode, trace.showlegend) for trace in few} == {("lines+markers", True)}


def test_one_epoch_of_many_runs_is_a_point() -> None:
    many = [run(f"r{number}", 1) for number in range(9)]
    traces = history_comparison_figure(history_comparison("loss", many)).data
    assert {trace.mode for trace in traces} == {"lines+markers"}
