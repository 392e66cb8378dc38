"""The curves of several runs in one chart."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.fit_marks import gap_trace, turn_marker
from cifarviz.figures.metric import METRIC_FORMATS, METRIC_TITLES, Metric
from cifarviz.figures.published_curves import PublishedCurves, add_published
from cifarviz.figures.theme import (
    NEUTRAL,
    SHARE_TICKS,
    TRAINING,
    VALIDATION,
    base_layout,
    empty_figure,
    mix,
)

# Training stays blue and validation orange: what tells runs apart is lightness, dash and marker.
_SHADES = ((0.0, "#FFFFFF"), (0.42, "#FFFFFF"), (0.2, "#000000"))
# None is "dash", as published curves are; lengths are in pixels.
_DASHES = ("solid", "dot", "dashdot", "3px,7px", "longdashdot", "14px,3px,2px,3px,2px,3px")
_MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star")
_FEW_EPOCHS = 10
_MOST_GAPS = 2
FEW_RUNS: Final = 8
"""With more, markers hide the curves and two entries a run make a legend nobody reads."""


@dataclass(frozen=True, eq=False)
class RunCurve:
    """One run's values after each epoch; arrays of one length, ``validation`` may be missing.

    ``stopped_early`` is the epoch after which early stopping ended it, ``turn`` that after which
    its validation loss turned. ``branch`` is where a fork leaves its parent: the epoch, and the
    parent's training and validation value there.
    """

    name: str
    epochs: np.ndarray
    training: np.ndarray
    validation: np.ndarray | None = None
    best_epoch: int | None = None
    stopped_early: int | None = None
    turn: int | None = None
    branch: tuple[int, float, float | None] | None = None


@dataclass(frozen=True, eq=False)
class HistoryComparison:
    """Runs with at least one epoch, in the order they were given."""

    metric: Metric
    runs: tuple[RunCurve, ...]
    published: PublishedCurves | None = None
    logarithmic: bool = False
    smoothed_over: int = 1
    """Of how many epochs each value is the mean."""


def history_comparison(
    metric: Metric,
    runs: Iterable[RunCurve],
    published: PublishedCurves | None = None,
    *,
    logarithmic: bool = False,
    smoothed_over: int = 1,
) -> HistoryComparison:
    """Keep what can be drawn; two runs of one name are numbered."""
    kept: list[RunCurve] = []
    seen: dict[str, int] = {}
    for run in runs:
        if len(run.epochs) == 0:
            continue
        seen[run.name] = seen.get(run.name, 0) + 1
        name = run.name if seen[run.name] == 1 else f"{run.name} ({seen[run.name]})"
        kept.append(
            replace(
                run,
                name=name,
                epochs=np.asarray(run.epochs, np.int32),
                training=np.asarray(run.training, np.float32),
                validation=(
                    None if run.validation is None else np.asarray(run.validation, np.float32)
                ),
            )
        )
    return HistoryComparison(metric, tuple(kept), published, logarithmic, smoothed_over)


def history_comparison_figure(comparison: HistoryComparison) -> go.Figure:
    """Draw the runs: a group of the legend a run, with its training and its validation.

    More than eight are lines without markers, with one entry a run, which shows and hides both. Of
    one run or two the gap between training and validation is shaded. A fork begins where it leaves
    its parent.
    """
    title = METRIC_TITLES[comparison.metric]
    if not comparison.runs:
        return empty_figure("Choose runs that have finished an epoch to compare them.", height=420)
    few = len(comparison.runs) <= FEW_RUNS
    longest = max(int(np.max(run.epochs)) for run in comparison.runs)
    figure = go.Figure(
        layout=base_layout(
            height=420,
            margin={"l": 60, "r": 16, "t": 16, "b": 48},
            xaxis={
                "title": {"text": "Epoch"},
                "rangemode": "tozero",
                # There are no halves of an epoch.
                "dtick": 1 if longest <= _FEW_EPOCHS else None,
            },
            yaxis={
                "title": {"text": title + _of_so_many(comparison.smoothed_over)},
                "type": "log" if comparison.logarithmic else "linear",
                "tickformatstops": () if comparison.metric == "loss" else SHARE_TICKS,
            },
            legend={
                "orientation": "v",
                "x": 1.02,
                "xanchor": "left",
                "y": 1,
                "yanchor": "top",
                "groupclick": "toggleitem" if few else "togglegroup",
                "tracegroupgap": 6 if few else 0,
            },
        )
    )
    if comparison.published is not None:
        group = {"legendgroup": "published", "legendgrouptitle": {"text": "Published"}}
        add_published(figure, comparison.published, group)
    number = METRIC_FORMATS[comparison.metric]
    # All at once: Plotly looks through the whole figure at each addition.
    figure.add_traces(
        [
            trace
            for position, run in enumerate(comparison.runs)
            for trace in _traces(run, position, number, few)
        ]
    )
    marks = (
        ("Best epoch", "star", [(run, run.best_epoch) for run in comparison.runs]),
        ("Stopped early", "x-thin", [(run, run.stopped_early) for run in comparison.runs]),
    )
    for name, symbol, epochs in marks:
        _add_marks(figure, name, symbol, epochs, number)
    _add_turns(figure, comparison.runs, number)
    if len(comparison.runs) <= _MOST_GAPS:
        for position, run in enumerate(comparison.runs):
            _add_gap(figure, run, str(position))
    return figure


def _add_marks(
    figure: go.Figure,
    name: str,
    symbol: str,
    epochs: Iterable[tuple[RunCurve, int | None]],
    number: str,
) -> None:
    """One mark on each run that has such an epoch: on validation, or on training without it."""
    points = []
    for run, epoch in epochs:
        values = run.training if run.validation is None else run.validation
        points += [(run, epoch, values[place]) for place in np.flatnonzero(run.epochs == epoch)]
    if not points:
        return
    figure.add_scatter(
        x=[epoch for _, epoch, _ in points],
        y=[float(value) for _, _, value in points],
        name=name,
        legendgroup="marks",
        legendgrouptitle={"text": "Marks"},
        mode="markers",
        marker={
            "symbol": symbol,
            "size": 13,
            "color": [TRAINING if run.validation is None else VALIDATION for run, _, _ in points],
            "line": {"width": 1.2 if symbol == "star" else 2.5, "color": NEUTRAL},
        },
        text=[_text(run.name) for run, _, _ in points],
        hovertemplate=(f"<b>%{{text}}</b><br>{name}, %{{x}}: %{{y:{number}}}<extra></extra>"),
    )


def _add_turns(figure: go.Figure, runs: Iterable[RunCurve], number: str) -> None:
    points = [
        (run, run.turn, float(run.validation[place]))
        for run in runs
        if run.turn is not None and run.validation is not None
        for place in np.flatnonzero(run.epochs == run.turn)
    ]
    if points:
        figure.add_scatter(
            x=[epoch for _, epoch, _ in points],
            y=[value for _, _, value in points],
            name="Turn",
            legendgroup="marks",
            legendgrouptitle={"text": "Marks"},
            mode="markers",
            marker=turn_marker(),
            text=[_text(run.name) for run, _, _ in points],
            hovertemplate=(
                f"<b>%{{text}}</b><br>Validation loss turned after epoch %{{x}}: %{{y:{number}}}"
                "<extra></extra>"
            ),
        )


def _add_gap(figure: go.Figure, run: RunCurve, group: str) -> None:
    if run.validation is None:
        return
    epochs, training, validation = _with_branch(run, run.training, run.validation)
    gap = gap_trace(epochs, training, validation)
    if gap is not None:
        figure.add_trace({**gap, "legendgroup": group})


def _with_branch(run: RunCurve, *curves: np.ndarray) -> list[np.ndarray]:
    """Epochs and curves, training first, from where a fork leaves its parent on."""
    if run.branch is None:
        return [run.epochs, *curves]
    epoch, *values = run.branch
    starts = [np.nan if value is None else value for value in values]
    return [
        np.concatenate([[epoch], run.epochs]),
        *(np.concatenate([[start], curve]) for start, curve in zip(starts, curves, strict=False)),
    ]


def _of_so_many(epochs: int) -> str:
    return "" if epochs == 1 else f", mean of {epochs} epochs"


def _traces(run: RunCurve, position: int, number: str, few: bool) -> list[dict[str, Any]]:
    amount, toward = _SHADES[position % len(_SHADES)]
    lines = [("training", run.training, TRAINING)]
    if run.validation is not None:
        lines.append(("validation", run.validation, VALIDATION))
    epochs, *drawn = _with_branch(run, *(values for _, values, _ in lines))
    name = _text(run.name)
    style: dict[str, Any] = {"mode": "lines", "legendgroup": str(position)}
    # One epoch alone is no line.
    if few or len(run.epochs) == 1:
        symbol = _MARKERS[position % len(_MARKERS)]
        style |= {"mode": "lines+markers", "marker": {"size": 6, "symbol": symbol}}
    if few:
        style["legendgrouptitle"] = {"text": name}
    return [
        {
            "type": "scatter",
            # Plotly looks at a list in half the time of a short array.
            "x": epochs.tolist(),
            "y": values.tolist(),
            "name": kind.capitalize() if few else name,
            "showlegend": few or kind == lines[-1][0],
            **style,
            "line": {
                "color": mix(color, toward, amount),
                "width": 2.2 if few else 1.5,
                "dash": _DASHES[position % len(_DASHES)],
            },
            "hovertemplate": (
                f"<b>{name}</b><br>{kind}, epoch %{{x}}: %{{y:{number}}}<extra></extra>"
            ),
        }
        for (kind, _, color), values in zip(lines, drawn, strict=True)
    ]


def _text(name: str) -> str:
    """``name`` as Plotly text: a run may be called anything, markup and templates included."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "%\u200b{")
