"""The curves of several runs in one chart."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Final, Literal

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text, single_line
from cifarviz.figures.curve_marks import PublishedCurves, gap_trace, published_traces, start_marker
from cifarviz.figures.learning_rate import UsedRates, rate_panel
from cifarviz.figures.theme import (
    FONT_SIZE,
    METRIC_FORMATS,
    METRIC_TITLES,
    NEUTRAL,
    SHARE_TICKS,
    TEST,
    TRAINING,
    VALIDATION,
    MetricName,
    base_layout,
    empty_figure,
    merged,
    mix,
)

CurveKind = Literal["training", "validation"]
MOST_WITH_DASHES: Final = 3
"""Up to this many runs differ in lightness, dash and marker. With more, each has a number on its
curves and before its name."""
_SHADES = ((0.0, "#FFFFFF"), (0.42, "#FFFFFF"), (0.2, "#000000"))

# Published curves have the dash "dash".
_DASHES = ("solid", "dot", "dashdot")
_MARKERS = ("circle", "square", "diamond")

# Of many runs the first are light and the last dark, within the contrast of both themes.
_LIGHTEST, _DARKEST = 0.3, 0.25

# With more runs, numbers on the training curves as well would hide the curves.
_MAX_NUMBERED_TWICE = 10
_BADGE, _SMALL_BADGE = 17, 14

# Golden ratio: the position of each number along its curve, so that neighbours' numbers are apart.
_GOLDEN = 0.618

# Characters in a line of the legend.
_LEGEND_WIDTH = 34


@dataclass(frozen=True)
class RunPlace:
    """The ``position`` of a run, from 0, among ``count`` runs."""

    position: int
    count: int

    @property
    def few(self) -> bool:
        """Whether dashes, not numbers, distinguish the runs."""
        return self.count <= MOST_WITH_DASHES


ONLY_RUN: Final = RunPlace(0, 1)
_FEW_EPOCHS = 10
_RUN_COLORS: Final = (VALIDATION, "#8A5CD1", TEST)

# Pixels: a line of the legend, its padding, and the figure around it.
_LEGEND_LINE, _LEGEND_REST, _AROUND = 19, 30, 84
_HEIGHT = 420
_LEGEND_TITLE = "Solid: validation<br>Dotted: training<br>By their number"


@dataclass(frozen=True, eq=False)
class RunCurve:
    """A run's values after each epoch; arrays of one length, ``validation`` may be missing.

    ``best_epoch``, ``stopped_early`` (the end by early stopping) and ``overfitting_start`` are
    epochs. ``branch`` is where a fork leaves its parent: the epoch, and the parent's training and
    validation value there.
    """

    name: str
    epochs: np.ndarray
    training: np.ndarray
    validation: np.ndarray | None = None
    best_epoch: int | None = None
    stopped_early: int | None = None
    overfitting_start: int | None = None
    branch: tuple[int, float, float | None] | None = None
    place: RunPlace = ONLY_RUN
    """The run's position, which decides how it is drawn."""
    rates: np.ndarray | None = None
    """The learning rate in the last step of each epoch, drawn below the loss."""


@dataclass(frozen=True, eq=False)
class HistoryComparison:
    """Runs with at least one epoch, in order."""

    metric: MetricName
    runs: tuple[RunCurve, ...]
    published: PublishedCurves | None = None
    logarithmic: bool = False
    smoothed_over: int = 1
    """The number of epochs that each value is averaged over."""
    validation_only: bool = False
    """Whether the curves of training are left out, with their gaps and learning rates."""

    @property
    def few(self) -> bool:
        """Whether dashes, not numbers, distinguish the runs."""
        return all(run.place.few for run in self.runs)


def history_comparison(
    metric: MetricName,
    runs: Iterable[RunCurve],
    published: PublishedCurves | None = None,
    *,
    logarithmic: bool = False,
    smoothed_over: int = 1,
    validation_only: bool = False,
) -> HistoryComparison:
    """Shape the runs that have an epoch; runs of the same name are numbered.

    A run without an epoch still has a position, so that the others do not change when it starts.
    ``validation_only`` also leaves out runs without validation.
    """
    curves: list[RunCurve] = []
    seen: dict[str, int] = {}
    all_runs = tuple(runs)
    for position, run in enumerate(all_runs):
        if len(run.epochs) == 0 or (validation_only and run.validation is None):
            continue
        seen[run.name] = seen.get(run.name, 0) + 1
        name = run.name if seen[run.name] == 1 else f"{run.name} ({seen[run.name]})"
        curves.append(
            replace(
                run,
                name=name,
                place=RunPlace(position, len(all_runs)),
                epochs=np.asarray(run.epochs, np.int32),
                training=np.asarray(run.training, np.float32),
                validation=(
                    None if run.validation is None else np.asarray(run.validation, np.float32)
                ),
            )
        )
    return HistoryComparison(
        metric, tuple(curves), published, logarithmic, smoothed_over, validation_only
    )


def history_comparison_figure(comparison: HistoryComparison) -> go.Figure:
    """Draw the runs in a figure high enough for the whole legend.

    Up to three runs have a legend group each, and the gap between their curves is shaded. More
    runs have a number on their curves, validation solid and training dotted, and one legend entry
    each, which shows and hides both curves. A fork begins where it leaves its parent. Below the
    loss is a panel of the learning rates, in the colours and dashes of training.
    """
    return go.Figure(history_comparison_values(comparison))


def history_comparison_values(comparison: HistoryComparison) -> dict[str, Any]:
    """The same figure as its ``data`` and ``layout``: of many runs in a third of the time."""
    if not comparison.runs:
        reason = "Choose runs that have finished an epoch to compare them."
        if comparison.validation_only:
            reason = "None of these runs has a validation curve yet."
        return dict(empty_figure(reason, height=_HEIGHT).to_plotly_json())
    layout = _layout(comparison)
    few, validation_only = comparison.few, comparison.validation_only
    data: list[dict[str, Any]] = []
    if comparison.published is not None:
        group = {"legendgroup": "published", "legendgrouptitle": {"text": "Published"}}
        data += published_traces(comparison.published, group, training=not validation_only)
    number = METRIC_FORMATS[comparison.metric]
    for run in comparison.runs:
        data += _traces(run, number, few, validation_only)
    data += _marks(comparison.runs, number, few)
    if validation_only:
        if few:
            _color_by_run(data, comparison.runs)
        for trace in data:
            trace.pop("legendgroup", None)
            trace.pop("legendgrouptitle", None)
        return {"data": data, "layout": layout}
    if few:
        data += _gaps(comparison.runs)
    if comparison.metric == "loss":
        rates = [_used_rates(run, run.rates) for run in comparison.runs if run.rates is not None]
        if (panel := rate_panel(rates)) is not None:
            layout = merged(layout, panel.layout)
            layout |= {"height": layout["height"] + panel.height, "annotations": [panel.annotation]}
            data += map(dict, panel.traces)
    return {"data": data, "layout": layout}


def _layout(comparison: HistoryComparison) -> dict[str, Any]:
    few, validation_only = comparison.few, comparison.validation_only
    title = METRIC_TITLES[comparison.metric]
    if validation_only:
        title = f"Validation {title.lower()}"
    longest = max(int(np.max(run.epochs)) for run in comparison.runs)
    return base_layout(
        height=_height(comparison, few),
        # Space above for the chart's buttons.
        margin={"l": 60, "r": 16, "t": 30, "b": 48},
        xaxis={
            "title": {"text": "Epoch"},
            "rangemode": "tozero",
            # No ticks at fractions of an epoch.
            "dtick": 1 if longest <= _FEW_EPOCHS else None,
        },
        yaxis={
            "title": {"text": title + _smoothing_label(comparison.smoothed_over)},
            "type": "log" if comparison.logarithmic else "linear",
            "tickformatstops": () if comparison.metric == "loss" else SHARE_TICKS,
        },
        **({} if validation_only else {"legend": _legend(few)}),
    )


def _color_by_run(data: Iterable[dict[str, Any]], runs: Iterable[RunCurve]) -> None:
    """Give each run a colour: without training curves it need not tell what was measured."""
    by_name = {plotly_text(run.name): _RUN_COLORS[run.place.position] for run in runs}
    by_group = {str(run.place.position): by_name[plotly_text(run.name)] for run in runs}
    for trace in data:
        if trace.get("legendgroup") == "marks":
            trace["marker"] = {**trace["marker"], "color": [by_name[run] for run in trace["text"]]}
        elif (color := by_group.get(trace.get("legendgroup", ""))) is not None:
            trace["line"] = {**trace["line"], "color": color}


def _legend(few: bool) -> dict[str, Any]:
    """A legend beside the chart, with a group for each of ``few`` runs."""
    return {
        "orientation": "v",
        "x": 1.02,
        "xanchor": "left",
        "y": 1,
        "yanchor": "top",
        "groupclick": "toggleitem" if few else "togglegroup",
        "tracegroupgap": 6 if few else 0,
        "title": {"text": "" if few else _LEGEND_TITLE, "font": {"size": FONT_SIZE}},
    }


def _used_rates(run: RunCurve, rates: np.ndarray) -> UsedRates:
    return UsedRates(
        run.epochs,
        rates,
        label=f"<b>{plotly_text(run.name)}</b><br>",
        line=curve_style(run.place, "training", single=False)["line"],
        group=str(run.place.position),
    )


def _height(comparison: HistoryComparison, few: bool) -> int:
    """Height in pixels at which the legend does not scroll."""
    runs = comparison.runs
    lines = sum(legend_name(run.name, run.place).count("<br>") + 1 for run in runs)
    # Three lines under each name, or two lines above all names.
    lines += 3 * len(runs) if few else 2
    # A heading and three marks; a heading and two published curves.
    lines += 4 + 3 * (comparison.published is not None)
    return max(_HEIGHT, _LEGEND_LINE * lines + _LEGEND_REST + _AROUND)


def _marks(runs: Sequence[RunCurve], number: str, few: bool) -> list[dict[str, Any]]:
    """Mark epochs of each run on its validation curve, or on training without validation."""
    star = {"symbol": "star", "size": 13, "line": {"width": 1.2, "color": NEUTRAL}}
    cross = {"symbol": "x-thin", "size": 13, "line": {"width": 2.5, "color": NEUTRAL}}
    at = "%{x}: %{y:" + number + "}"
    validated = [run for run in runs if run.validation is not None]
    return [
        *_marked("Best epoch", ", ", [(run, run.best_epoch) for run in runs], star, at, few),
        *_marked("Stopped early", ", ", [(run, run.stopped_early) for run in runs], cross, at, few),
        *_marked(
            "Overfitting starts",
            " after epoch ",
            [(run, run.overfitting_start) for run in validated],
            start_marker(),
            at,
            few,
        ),
    ]


def _points(epochs: Iterable[tuple[RunCurve, int | None]]) -> list[tuple[RunCurve, int, float]]:
    return [
        (run, epoch, float((run.training if run.validation is None else run.validation)[place]))
        for run, epoch in epochs
        if epoch is not None
        for place in np.flatnonzero(run.epochs == epoch)
    ]


def _marked(
    name: str,
    when: str,
    epochs: Iterable[tuple[RunCurve, int | None]],
    marker: Mapping[str, Any],
    at: str,
    few: bool,
) -> list[dict[str, Any]]:
    points = _points(epochs)
    if not points:
        return []
    colors = [mark_color(run.place, validated=run.validation is not None) for run, _, _ in points]
    # The legend has the colour of the first point: with many runs, of an empty one.
    first = [] if few else [None]
    return [
        {
            "type": "scatter",
            "x": [*first, *(epoch for _, epoch, _ in points)],
            "y": [*first, *(value for _, _, value in points)],
            "name": name,
            "legendgroup": "marks",
            "legendgrouptitle": {"text": "Marks"},
            "mode": "markers",
            "marker": {**marker, "color": colors if few else [NEUTRAL, *colors]},
            "text": [*("" for _ in first), *(plotly_text(run.name) for run, _, _ in points)],
            "hovertemplate": f"<b>%{{text}}</b><br>{name}{when}{at}<extra></extra>",
        }
    ]


def _gaps(runs: Sequence[RunCurve]) -> list[dict[str, Any]]:
    gaps = []
    for run in runs:
        if run.validation is None:
            continue
        epochs, training, validation = _with_branch(run, run.training, run.validation)
        gap = gap_trace(epochs, training, validation, gaps=len(runs))
        if gap is not None:
            gaps.append({**gap, "legendgroup": str(run.place.position)})
    return gaps


def _with_branch(run: RunCurve, *curves: np.ndarray) -> list[np.ndarray]:
    """Epochs and curves, training first, starting where a fork leaves its parent."""
    if run.branch is None:
        return [run.epochs, *curves]
    epoch, *values = run.branch
    starts = [np.nan if value is None else value for value in values]
    return [
        np.concatenate([[epoch], run.epochs]),
        *(np.concatenate([[start], curve]) for start, curve in zip(starts, curves, strict=False)),
    ]


def _smoothing_label(epochs: int) -> str:
    return "" if epochs == 1 else f", mean of {epochs} epochs"


def _traces(run: RunCurve, number: str, few: bool, validation_only: bool) -> list[dict[str, Any]]:
    kinds: list[CurveKind] = ["training"]
    values = [run.training]
    if run.validation is not None:
        kinds.append("validation")
        values.append(run.validation)
    epochs, *drawn = _with_branch(run, *values)
    shown = [
        (kind, curve.tolist())
        for kind, curve in zip(kinds, drawn, strict=True)
        if kind == "validation" or not validation_only
    ]
    name = legend_name(run.name, run.place)
    grouped = few and not validation_only
    # Plotly validates a list in half the time of a short array.
    x = epochs.tolist()
    curves = [
        {
            "type": "scatter",
            "x": x,
            "y": y,
            "name": kind.capitalize() if grouped else name,
            "showlegend": few or kind == kinds[-1],
            "legendgroup": str(run.place.position),
            **({"legendgrouptitle": {"text": name}} if grouped else {}),
            **curve_style(run.place, kind, single=len(run.epochs) == 1),
            "hovertemplate": (
                f"<b>{plotly_text(run.name)}</b><br>"
                f"{kind}, epoch %{{x}}: %{{y:{number}}}<extra></extra>"
            ),
        }
        for kind, y in shown
    ]
    badges = [number_badge(run.place, kind, x, y) for kind, y in shown]
    return [*curves, *(badge for badge in badges if badge is not None)]


def curve_style(place: RunPlace, kind: CurveKind, *, single: bool) -> dict[str, Any]:
    """Plotly's ``mode``, ``line`` and ``marker`` of a curve of the run at ``place``.

    Training and validation have their own colours. A ``single`` epoch is drawn as a point.
    """
    return _dashed(place.position, kind) if place.few else _shaded(place, kind, single)


def mark_color(place: RunPlace, *, validated: bool = True) -> str:
    """The colour of a run's marks: of its validation, or of training without validation."""
    if place.few:
        return VALIDATION if validated else TRAINING
    return _shade(place, "validation" if validated else "training")


def number_badge(
    place: RunPlace, kind: CurveKind, epochs: Sequence[int], values: Sequence[float]
) -> dict[str, Any] | None:
    """The number of the run at ``place`` as a Plotly trace of one point on its curve.

    ``None`` for few runs, for values that are not finite, and for training curves of many runs.
    """
    training = kind == "training"
    finite = [index for index, value in enumerate(values) if isfinite(value)]
    if place.few or not finite or (training and place.count > _MAX_NUMBERED_TWICE):
        return None
    along = (place.position * _GOLDEN + (0.3 if training else 0.0)) % 1
    index = finite[round((0.35 + 0.65 * along) * (len(finite) - 1))]
    return {
        "type": "scatter",
        "x": [epochs[index]],
        "y": [values[index]],
        "mode": "markers+text",
        "marker": {
            "size": _SMALL_BADGE if training else _BADGE,
            "color": _shade(place, kind),
            "line": {"width": 0},
        },
        "text": [str(place.position + 1)],
        "textfont": {"size": 10, "color": "#FFFFFF" if training else "#1A1A1A"},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": str(place.position),
    }


def legend_name(name: str, place: RunPlace) -> str:
    """``name`` as Plotly text in short lines, with its number if the runs have numbers."""
    lines = textwrap.wrap(single_line(numbered_name(name, place)), _LEGEND_WIDTH)
    return "<br>".join(map(plotly_text, lines)) or " "


def numbered_name(name: str, place: RunPlace) -> str:
    """``name``, after its number if the runs have numbers."""
    return name if place.few else f"{place.position + 1} · {name}"


def _dashed(position: int, kind: CurveKind) -> dict[str, Any]:
    amount, toward = _SHADES[position % len(_SHADES)]
    color = mix(TRAINING if kind == "training" else VALIDATION, toward, amount)
    return {
        "mode": "lines+markers",
        "marker": {"size": 6, "symbol": _MARKERS[position % len(_MARKERS)]},
        "line": {"color": color, "width": 2.2, "dash": _DASHES[position % len(_DASHES)]},
    }


def _shaded(place: RunPlace, kind: CurveKind, single: bool) -> dict[str, Any]:
    training = kind == "training"
    line = {
        "color": _shade(place, kind),
        "width": 1.3 if training else 2.2,
        "dash": "dot" if training else "solid",
    }
    if not single:
        return {"mode": "lines", "line": line}
    return {"mode": "lines+markers", "line": line, "marker": {"size": 5 if training else 8}}


def _shade(place: RunPlace, kind: CurveKind) -> str:
    part = place.position / max(place.count - 1, 1) * (_LIGHTEST + _DARKEST) - _LIGHTEST
    color = TRAINING if kind == "training" else VALIDATION
    return mix(color, "#FFFFFF" if part < 0 else "#000000", abs(part))
