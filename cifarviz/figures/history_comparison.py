"""The curves of several runs in one chart."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Final, Literal

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text, single_line
from cifarviz.figures.curve_marks import PublishedCurves, add_published, gap_trace, start_marker
from cifarviz.figures.learning_rate import UsedRates, add_rate_panel
from cifarviz.figures.theme import (
    FONT_SIZE,
    METRIC_FORMATS,
    METRIC_TITLES,
    NEUTRAL,
    SHARE_TICKS,
    TRAINING,
    VALIDATION,
    MetricName,
    base_layout,
    empty_figure,
    mix,
)

CurveKind = Literal["training", "validation"]
MOST_WITH_DASHES: Final = 3
"""So many runs at most differ in lightness, dash and marker. Of more, each has a number, which
stands on its curves and before its name."""
_SHADES = ((0.0, "#FFFFFF"), (0.42, "#FFFFFF"), (0.2, "#000000"))

# None is "dash", as published curves are.
_DASHES = ("solid", "dot", "dashdot")
_MARKERS = ("circle", "square", "diamond")

# Of many runs the first are light and the last dark, as far as both pages allow.
_LIGHTEST, _DARKEST = 0.3, 0.25

# With more, numbers on training, too, would hide the curves.
_MOST_NUMBERED_TWICE = 10
_BADGE, _SMALL_BADGE = 17, 14

# Each next number stands so far along its curve from the one before, as part of the whole: so
# numbers of neighbours lie apart, however many there are.
_GOLDEN = 0.618

# Letters in a line of the legend: a longer name would take the room of the curves.
_LEGEND_WIDTH = 34


@dataclass(frozen=True)
class RunPlace:
    """The ``position`` of a run among ``count`` that are given, from 0."""

    position: int
    count: int

    @property
    def few(self) -> bool:
        """Whether dashes tell the runs apart, and not numbers."""
        return self.count <= MOST_WITH_DASHES


ONLY_RUN: Final = RunPlace(0, 1)
_FEW_EPOCHS = 10

# Pixels: a line of the legend, what it has beside its lines, and the figure around it.
_LEGEND_LINE, _LEGEND_REST, _AROUND = 19, 30, 84
_HEIGHT = 420
_WHICH_IS_WHICH = "Solid: validation<br>Dotted: training<br>By their number"


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
    overfitting_start: int | None = None
    branch: tuple[int, float, float | None] | None = None
    place: RunPlace = ONLY_RUN
    """Among those that were given, which decides how it is drawn."""
    rates: np.ndarray | None = None
    """The learning rate in the last step of each epoch: drawn under the loss."""


@dataclass(frozen=True, eq=False)
class HistoryComparison:
    """Runs with at least one epoch, in the order they were given."""

    metric: MetricName
    runs: tuple[RunCurve, ...]
    published: PublishedCurves | None = None
    logarithmic: bool = False
    smoothed_over: int = 1
    """Of how many epochs each value is the mean."""

    @property
    def few(self) -> bool:
        """Whether dashes tell the runs apart, and not numbers."""
        return all(run.place.few for run in self.runs)


def history_comparison(
    metric: MetricName,
    runs: Iterable[RunCurve],
    published: PublishedCurves | None = None,
    *,
    logarithmic: bool = False,
    smoothed_over: int = 1,
) -> HistoryComparison:
    """Keep what can be drawn; two runs of one name are numbered.

    A run that has no epoch yet keeps its place: the others look the same once it has begun.
    """
    kept: list[RunCurve] = []
    seen: dict[str, int] = {}
    given = tuple(runs)
    for position, run in enumerate(given):
        if len(run.epochs) == 0:
            continue
        seen[run.name] = seen.get(run.name, 0) + 1
        name = run.name if seen[run.name] == 1 else f"{run.name} ({seen[run.name]})"
        kept.append(
            replace(
                run,
                name=name,
                place=RunPlace(position, len(given)),
                epochs=np.asarray(run.epochs, np.int32),
                training=np.asarray(run.training, np.float32),
                validation=(
                    None if run.validation is None else np.asarray(run.validation, np.float32)
                ),
            )
        )
    return HistoryComparison(metric, tuple(kept), published, logarithmic, smoothed_over)


def history_comparison_figure(comparison: HistoryComparison) -> go.Figure:
    """Draw the runs, as high as the legend needs to show all of them.

    Up to three have a group of the legend a run and the gap between both curves shaded. More: a
    number a run on its curves, validation solid and training dotted, with one entry a run, which
    shows and hides both. A fork begins where it leaves its parent. Under the loss is a panel of
    the learning rates, in the colours and dashes of training.
    """
    title = METRIC_TITLES[comparison.metric]
    if not comparison.runs:
        return empty_figure(
            "Choose runs that have finished an epoch to compare them.", height=_HEIGHT
        )
    few = comparison.few
    longest = max(int(np.max(run.epochs)) for run in comparison.runs)
    figure = go.Figure(
        layout=base_layout(
            height=_height(comparison, few),
            # At the top the legend leaves room for the buttons.
            margin={"l": 60, "r": 16, "t": 30, "b": 48},
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
                "title": {"text": "" if few else _WHICH_IS_WHICH, "font": {"size": FONT_SIZE}},
            },
        )
    )
    if comparison.published is not None:
        group = {"legendgroup": "published", "legendgrouptitle": {"text": "Published"}}
        add_published(figure, comparison.published, group)
    number = METRIC_FORMATS[comparison.metric]
    # All at once: Plotly looks through the whole figure at each addition.
    figure.add_traces([trace for run in comparison.runs for trace in _traces(run, number, few)])
    marks = (
        ("Best epoch", "star", [(run, run.best_epoch) for run in comparison.runs]),
        ("Stopped early", "x-thin", [(run, run.stopped_early) for run in comparison.runs]),
    )
    for name, symbol, epochs in marks:
        _add_marks(figure, name, symbol, epochs, number, few)
    _add_turns(figure, comparison.runs, number, few)
    if few:
        for run in comparison.runs:
            _add_gap(figure, run, len(comparison.runs))
    if comparison.metric == "loss":
        rates = [(run, run.rates) for run in comparison.runs if run.rates is not None]
        add_rate_panel(figure, [_used_rates(run, used) for run, used in rates])
    return figure


def _used_rates(run: RunCurve, rates: np.ndarray) -> UsedRates:
    return UsedRates(
        run.epochs,
        rates,
        label=f"<b>{plotly_text(run.name)}</b><br>",
        line=curve_style(run.place, "training", alone=False)["line"],
        group=str(run.place.position),
    )


def _height(comparison: HistoryComparison, few: bool) -> int:
    """So high that no entry of the legend has to be scrolled to."""
    runs = comparison.runs
    lines = sum(legend_name(run.name, run.place).count("<br>") + 1 for run in runs)
    # Two or three entries under each name, or two lines above all of them.
    lines += 3 * len(runs) if few else 2
    # A heading and three marks; those who published are another heading and two curves.
    lines += 4 + 3 * (comparison.published is not None)
    return max(_HEIGHT, _LEGEND_LINE * lines + _LEGEND_REST + _AROUND)


def _add_marks(
    figure: go.Figure,
    name: str,
    symbol: str,
    epochs: Iterable[tuple[RunCurve, int | None]],
    number: str,
    few: bool,
) -> None:
    """One mark on each run that has such an epoch: on validation, or on training without it."""
    marker = {
        "symbol": symbol,
        "size": 13,
        "line": {"width": 1.2 if symbol == "star" else 2.5, "color": NEUTRAL},
    }
    _add_points(figure, name, _points(epochs), marker, f"{name}, %{{x}}: %{{y:{number}}}", few)


def _add_turns(figure: go.Figure, runs: Iterable[RunCurve], number: str, few: bool) -> None:
    epochs = [(run, run.overfitting_start) for run in runs if run.validation is not None]
    hover = f"Validation loss turned after epoch %{{x}}: %{{y:{number}}}"
    _add_points(figure, "Overfitting starts", _points(epochs), start_marker(), hover, few)


def _points(epochs: Iterable[tuple[RunCurve, int | None]]) -> list[tuple[RunCurve, int, float]]:
    return [
        (run, epoch, float((run.training if run.validation is None else run.validation)[place]))
        for run, epoch in epochs
        if epoch is not None
        for place in np.flatnonzero(run.epochs == epoch)
    ]


def _add_points(
    figure: go.Figure,
    name: str,
    points: Sequence[tuple[RunCurve, int, float]],
    marker: Mapping[str, Any],
    hover: str,
    few: bool,
) -> None:
    if not points:
        return
    colors = [mark_color(run.place, validated=run.validation is not None) for run, _, _ in points]
    # The legend has the colour of the first point: of many runs it stands for none.
    first = [] if few else [None]
    figure.add_scatter(
        x=[*first, *(epoch for _, epoch, _ in points)],
        y=[*first, *(value for _, _, value in points)],
        name=name,
        legendgroup="marks",
        legendgrouptitle={"text": "Marks"},
        mode="markers",
        marker={**marker, "color": colors if few else [NEUTRAL, *colors]},
        text=[*("" for _ in first), *(plotly_text(run.name) for run, _, _ in points)],
        hovertemplate=f"<b>%{{text}}</b><br>{hover}<extra></extra>",
    )


def _add_gap(figure: go.Figure, run: RunCurve, gaps: int) -> None:
    if run.validation is None:
        return
    epochs, training, validation = _with_branch(run, run.training, run.validation)
    gap = gap_trace(epochs, training, validation, gaps=gaps)
    if gap is not None:
        figure.add_trace({**gap, "legendgroup": str(run.place.position)})


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


def _traces(run: RunCurve, number: str, few: bool) -> list[dict[str, Any]]:
    kinds: list[tuple[CurveKind, np.ndarray]] = [("training", run.training)]
    if run.validation is not None:
        kinds.append(("validation", run.validation))
    epochs, *drawn = _with_branch(run, *(values for _, values in kinds))
    name = legend_name(run.name, run.place)
    # Plotly looks at a list in half the time of a short array.
    x = epochs.tolist()
    curves = [
        {
            "type": "scatter",
            "x": x,
            "y": values.tolist(),
            "name": kind.capitalize() if few else name,
            "showlegend": few or kind == kinds[-1][0],
            "legendgroup": str(run.place.position),
            **({"legendgrouptitle": {"text": name}} if few else {}),
            **curve_style(run.place, kind, alone=len(run.epochs) == 1),
            "hovertemplate": (
                f"<b>{plotly_text(run.name)}</b><br>"
                f"{kind}, epoch %{{x}}: %{{y:{number}}}<extra></extra>"
            ),
        }
        for (kind, _), values in zip(kinds, drawn, strict=True)
    ]
    badges = [
        number_badge(run.place, kind, x, values.tolist())
        for (kind, _), values in zip(kinds, drawn, strict=True)
    ]
    return [*curves, *(badge for badge in badges if badge is not None)]


def curve_style(place: RunPlace, kind: CurveKind, *, alone: bool) -> dict[str, Any]:
    """Plotly's ``mode``, ``line`` and ``marker`` of a curve of the run at ``place``.

    Training is blue and validation orange, as everywhere. One epoch ``alone`` is a point.
    """
    return _alike(place.position, kind) if place.few else _shaded(place, kind, alone)


def mark_color(place: RunPlace, *, validated: bool = True) -> str:
    """The colour of what is marked on that run: on its validation, or on training without."""
    if place.few:
        return VALIDATION if validated else TRAINING
    return _shade(place, "validation" if validated else "training")


def number_badge(
    place: RunPlace, kind: CurveKind, epochs: Sequence[int], values: Sequence[float]
) -> dict[str, Any] | None:
    """The number of the run at ``place`` as a Plotly trace of one point on its curve.

    ``None`` where it has none: of a few runs, of nothing finite, and of training where numbers
    are too many.
    """
    training = kind == "training"
    known = [at for at, value in enumerate(values) if isfinite(value)]
    if place.few or not known or (training and place.count > _MOST_NUMBERED_TWICE):
        return None
    along = (place.position * _GOLDEN + (0.3 if training else 0.0)) % 1
    at = known[round((0.35 + 0.65 * along) * (len(known) - 1))]
    return {
        "type": "scatter",
        "x": [epochs[at]],
        "y": [values[at]],
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
    """``name`` as Plotly text, in lines that leave room for the curves; many have their number."""
    lines = textwrap.wrap(single_line(numbered_name(name, place)), _LEGEND_WIDTH)
    return "<br>".join(map(plotly_text, lines)) or " "


def numbered_name(name: str, place: RunPlace) -> str:
    """``name``, with its number before it where the curves have numbers."""
    return name if place.few else f"{place.position + 1} · {name}"


def _alike(position: int, kind: CurveKind) -> dict[str, Any]:
    amount, toward = _SHADES[position % len(_SHADES)]
    color = mix(TRAINING if kind == "training" else VALIDATION, toward, amount)
    return {
        "mode": "lines+markers",
        "marker": {"size": 6, "symbol": _MARKERS[position % len(_MARKERS)]},
        "line": {"color": color, "width": 2.2, "dash": _DASHES[position % len(_DASHES)]},
    }


def _shaded(place: RunPlace, kind: CurveKind, alone: bool) -> dict[str, Any]:
    training = kind == "training"
    line = {
        "color": _shade(place, kind),
        "width": 1.3 if training else 2.2,
        "dash": "dot" if training else "solid",
    }
    if not alone:
        return {"mode": "lines", "line": line}
    return {"mode": "lines+markers", "line": line, "marker": {"size": 5 if training else 8}}


def _shade(place: RunPlace, kind: CurveKind) -> str:
    part = place.position / max(place.count - 1, 1) * (_LIGHTEST + _DARKEST) - _LIGHTEST
    color = TRAINING if kind == "training" else VALIDATION
    return mix(color, "#FFFFFF" if part < 0 else "#000000", abs(part))
