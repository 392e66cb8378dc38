"""The curves of several runs in one chart."""

from dataclasses import replace

import numpy as np
import pytest

from cifarviz.experiment.presets import HistoryRow
from cifarviz.figures.curve_marks import published_curves
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.theme import NEUTRAL, TRAINING, VALIDATION

EPOCHS = np.array([1, 2, 3])
ROWS = [HistoryRow(epoch, 2 / epoch, 0.1 * epoch, 3 / epoch, 0.05 * epoch) for epoch in range(1, 6)]


def names(figure) -> list[str]:
    return [trace.name for trace in figure.data]


def run(name: str, epochs: int = 3, validated: bool = True) -> RunCurve:
    x = np.arange(1, epochs + 1)
    return RunCurve(name, x, 1 / x, 2 / x if validated else None)


def test_a_run_without_an_epoch_is_left_out_and_twins_are_numbered() -> None:
    value = history_comparison("loss", [run("a"), run("new", 0), run("a"), run("b")])
    assert [r.name for r in value.runs] == ["a", "a (2)", "b"]


def test_a_few_runs_differ_in_dash_and_marker() -> None:
    runs = [run("a"), run("b", validated=False), run("c")]
    traces = [
        trace
        for trace in history_comparison_figure(history_comparison("loss", runs)).data
        if trace.name != "Gap"
    ]
    assert [t.name for t in traces] == [
        "Training", "Validation", "Training", "Training", "Validation",
    ]  # fmt: skip
    training = [t for t in traces if t.name == "Training"]
    assert len({(t.line.dash, t.marker.symbol, t.line.color) for t in training}) == 3
    assert traces[0].line.color == TRAINING
    assert traces[1].line.color == VALIDATION


def test_no_run_is_dashed_as_published_curves_are() -> None:
    published = published_curves("loss", ROWS, "test", 9)
    for names_given, apart in (("abc", 3), ("abcdef", 1)):  # many have numbers instead
        runs = [run(name) for name in names_given]
        traces = history_comparison_figure(history_comparison("loss", runs, published)).data
        assert {trace.line.dash for trace in traces[:2]} == {"dash"}
        lines = [trace for trace in traces[2:] if "lines" in trace.mode]
        dashes = [trace.line.dash for trace in lines[::2]]
        assert len(dashes) == len(runs)
        assert len(set(dashes)) == apart
        assert "dash" not in {trace.line.dash for trace in lines}


def test_a_name_is_text_and_not_markup() -> None:
    value = history_comparison("loss", [run("<b>bold %{x}")])
    trace = history_comparison_figure(value).data[0]
    assert trace.hovertemplate.startswith("<b>&lt;b&gt;bold &#37;{x}</b>")
    assert trace.legendgrouptitle.text == "&lt;b&gt;bold &#37;{x}"


def test_without_runs_there_is_a_message() -> None:
    figure = history_comparison_figure(history_comparison("loss", []))
    assert "Choose runs" in figure.layout.annotations[0].text


def test_marks_of_all_runs_share_two_entries_of_the_legend() -> None:
    runs = [
        replace(run("a"), best_epoch=2, stopped_early=3),
        replace(run("b", validated=False), best_epoch=3),
        replace(run("c"), best_epoch=9),
    ]
    figure = history_comparison_figure(history_comparison("loss", runs))
    best, stopped = (trace for trace in figure.data if trace.legendgroup == "marks")
    assert (best.name, list(best.x), list(best.y)) == (
        "Best epoch",
        [2, 3],
        [1, float(np.float32(1 / 3))],
    )
    assert list(best.marker.color) == [VALIDATION, TRAINING]
    assert (stopped.name, list(stopped.x)) == ("Stopped early", [3])


def test_published_curves_have_their_own_legend_group() -> None:
    published = published_curves("accuracy", ROWS, "test", 9)
    figure = history_comparison_figure(history_comparison("accuracy", [run("a")], published))
    assert names(figure) == ["Training", "Test", "Training", "Validation", "Gap"]
    assert figure.data[0].legendgrouptitle.text == "Published"


def curves(figure) -> list:
    return [trace for trace in figure.data if "lines" in trace.mode]


def badges(figure) -> list:
    return [trace for trace in figure.data if trace.mode == "markers+text"]


@pytest.mark.parametrize("count", [4, 6, 9, 20])
def test_each_of_many_runs_has_its_own_number_and_one_entry(count: int) -> None:
    many = [run(f"r{number}", 30) for number in range(count)]
    figure = history_comparison_figure(history_comparison("loss", many))
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert shown == [f"{number} · {one.name}" for number, one in enumerate(many, 1)]
    assert figure.layout.legend.groupclick == "togglegroup"
    assert len(curves(figure)) == 2 * count
    shades = set()
    for training, validation in zip(curves(figure)[::2], curves(figure)[1::2], strict=True):
        assert (training.line.dash, validation.line.dash) == ("dot", "solid")
        assert training.line.width < validation.line.width
        shades.add((training.line.color, validation.line.color))
    assert len(shades) == count
    # The number stands on the curve of its group, and is shown and hidden with it.
    on_curves = {
        (t.legendgroup, x, y) for t in curves(figure) for x, y in zip(t.x, t.y, strict=True)
    }
    for badge in badges(figure):
        assert badge.text == (str(int(badge.legendgroup) + 1),)
        assert (badge.legendgroup, badge.x[0], badge.y[0]) in on_curves
    # On validation of each; on training too, unless that would hide the curves.
    assert len(badges(figure)) == (2 * count if count <= 10 else count)
    assert figure.layout.legend.title.text.startswith("Solid: validation<br>Dotted: training")
    few = history_comparison_figure(history_comparison("loss", many[:3]))
    assert not few.layout.legend.title.text
    assert not badges(few)


@pytest.mark.parametrize("count", [1, 3, 9, 30])
def test_training_is_blue_and_validation_orange_however_many_runs(count: int) -> None:
    many = [run(f"r{number}") for number in range(count)]
    drawn = curves(history_comparison_figure(history_comparison("loss", many)))
    for training, validation in zip(drawn[::2], drawn[1::2], strict=True):
        red, _, blue = (int(training.line.color[at : at + 2], 16) for at in (1, 3, 5))
        assert blue > red
        red, _, blue = (int(validation.line.color[at : at + 2], 16) for at in (1, 3, 5))
        assert red > blue


def test_a_run_does_not_change_when_others_start() -> None:
    runs = [run("a", 0), run("b"), run("c", 0), run("d", 0)]
    waiting = history_comparison_figure(history_comparison("loss", runs)).data
    begun = history_comparison_figure(history_comparison("loss", [run(n) for n in "abcd"])).data
    assert {trace.name for trace in waiting if trace.name} == {"2 · b"}
    [before] = [trace for trace in waiting if trace.showlegend]
    [after] = [trace for trace in begun if trace.showlegend and trace.name == "2 · b"]
    assert before.line.color == after.line.color
    assert before.legendgroup == after.legendgroup == "1"


@pytest.mark.parametrize("count", [1, 3, 6, 20, 50])
def test_the_figure_is_as_high_as_all_entries_of_its_legend(count: int) -> None:
    runs = [
        replace(
            run(f"a network with so long a name that it takes two lines, {number}"),
            overfitting_start=2,
        )
        for number in range(count)
    ]
    figure = history_comparison_figure(history_comparison("loss", runs))
    entries = [trace for trace in figure.data if trace.showlegend is not False]
    titles = {t.legendgrouptitle.text for t in entries if t.legendgrouptitle.text}
    title = figure.layout.legend.title.text or ""
    texts = [*titles, *(trace.name for trace in entries), *([title] if title else [])]
    lines = sum(text.count("<br>") + 1 for text in texts)
    room = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    assert room > 18 * lines
    # Each is told in full, in lines that leave room for the curves.
    longest = max(len(line) for text in texts for line in text.split("<br>"))
    assert longest <= 34
    assert any("that it takes two<br>lines" in text or "takes two" in text for text in texts)


def test_marks_of_many_runs_have_their_colours_but_a_neutral_legend() -> None:
    runs = [
        replace(run(name), best_epoch=2, overfitting_start=2, stopped_early=3) for name in "abcd"
    ]
    traces = history_comparison_figure(history_comparison("loss", runs)).data
    own = [trace.line.color for trace in traces if trace.showlegend and trace.line.color]
    for name, epoch in (("Best epoch", 2), ("Stopped early", 3), ("Overfitting starts", 2)):
        [mark] = [trace for trace in traces if trace.name == name]
        assert list(mark.x) == [None, *[epoch] * 4]
        assert list(mark.marker.color) == [NEUTRAL, *own]
        assert list(mark.text) == ["", *"abcd"]


def test_a_single_epoch_of_many_runs_is_a_point() -> None:
    many = [run(f"r{number}", 1) for number in range(9)]
    traces = history_comparison_figure(history_comparison("loss", many)).data
    assert {trace.mode for trace in traces} == {"lines+markers", "markers+text"}


@pytest.mark.parametrize("count", [2, 5])
def test_validation_only_has_a_curve_and_an_entry_for_each_run(count: int) -> None:
    runs = [run(f"run {number}") for number in range(count)]
    value = history_comparison("loss", [*runs, run("none", validated=False)], validation_only=True)
    figure = history_comparison_figure(value)
    drawn = [trace for trace in figure.data if len(trace.x) == 3]
    assert [trace.name.split(" · ")[-1] for trace in drawn] == [one.name for one in runs]
    assert [list(trace.y) for trace in drawn] == [pytest.approx(2 / EPOCHS)] * count
    assert all(trace.showlegend for trace in drawn)
    assert "Gap" not in names(figure)
    assert figure.layout.yaxis.title.text == "Validation loss"


@pytest.mark.parametrize("count", [2, 6])
def test_training_curves_can_be_left_out(count: int) -> None:
    runs = [run(f"run {number}") for number in range(count)]
    published = published_curves("loss", ROWS, "test", 9)
    figure = history_comparison_figure(
        history_comparison("loss", [*runs, run("blind", validated=False)], published,
                           validation_only=True)
    )  # fmt: skip
    drawn = [trace for trace in figure.data if "lines" in (trace.mode or "")]
    assert all("raining" not in (trace.hovertemplate or "") for trace in drawn)
    assert sum("validation, epoch" in (trace.hovertemplate or "") for trace in drawn) == count
    assert not any("blind" in (trace.hovertemplate or "") for trace in figure.data)
    assert "Gap" not in names(figure)


def test_runs_without_validation_have_no_validation_curves() -> None:
    blind = history_comparison("loss", [run("a", validated=False)], validation_only=True)
    figure = history_comparison_figure(blind)
    assert "None of these runs has a validation curve" in figure.layout.annotations[0].text


def test_runs_differ_in_colour_where_only_validation_is_drawn() -> None:
    runs = [replace(run(name), best_epoch=1) for name in ("a", "b", "a")]
    figure = history_comparison_figure(history_comparison("loss", runs, validation_only=True))
    colors = [trace.line.color for trace in figure.data if trace.mode == "lines+markers"]
    assert len(set(colors)) == 3
    [marks] = [trace for trace in figure.data if trace.name == "Best epoch"]
    assert list(marks.marker.color) == colors
