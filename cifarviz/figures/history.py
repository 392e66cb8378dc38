"""How loss or accuracy moves while a network trains."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.curve_marks import (
    EpochCurves,
    PublishedCurves,
    add_parent_curves,
    add_published,
    gap_trace,
)
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
)

Numbers = Sequence[float] | np.ndarray

# Dots and trend together stay within the 2,000 points a browser redraws in a few hundredths of a
# second. SVG, not WebGL: it needs no graphics driver, and saves as a true SVG.
_MOST_POINTS = 1000
_FIRST_BATCHES = 20
_UNDER_BUTTONS = 0.94
_NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class HistoryCurves:
    """Arrays of one length each for batches and for epochs; x is in epochs, 1 = after the first.

    ``trend`` is the smoothed course of the batches; NaN in any y is a gap.
    """

    metric: MetricName
    batch_x: np.ndarray
    batch_y: np.ndarray
    trend: np.ndarray
    epochs: np.ndarray
    training: np.ndarray
    validation: np.ndarray | None
    best_epoch: int | None
    stopped_early: int | None
    """The epoch after which early stopping ended the run."""
    published: PublishedCurves | None
    overfitting_start: int | None = None
    """The epoch after which the validation loss turned."""
    before: EpochCurves | None = None
    """What came before a fork, up to the epoch it began at."""
    rates: np.ndarray = field(default_factory=lambda: _NOTHING)
    """The learning rate in the last step of each epoch, or nothing: drawn under the loss."""

    @property
    def empty(self) -> bool:
        """Whether there is no point to draw yet."""
        return self.batch_x.size == 0 and self.epochs.size == 0


def history_curves(
    metric: MetricName,
    *,
    epochs: Numbers = (),
    training: Numbers = (),
    validation: Numbers | None = None,
    batch_epochs: Numbers = (),
    batch_values: Numbers = (),
    best_epoch: int | None = None,
    stopped_early: int | None = None,
    published: PublishedCurves | None = None,
    overfitting_start: int | None = None,
    before: EpochCurves | None = None,
    rates: Numbers = (),
    most_points: int = _MOST_POINTS,
) -> HistoryCurves:
    """Shape a history: ``epochs`` are 1, 2, …; ``batch_epochs`` fractional (0.5: mid-epoch 1).

    More than ``most_points`` batches are thinned evenly, the last one always kept; the trend is
    taken from all of them.
    """
    x, y = _floats(batch_epochs), _floats(batch_values)
    trend = _smooth(y)
    keep = _thin(x.size, most_points)
    return HistoryCurves(
        metric=metric,
        batch_x=x[keep],
        batch_y=y[keep],
        trend=trend[keep],
        epochs=np.asarray(epochs, np.int32),
        training=_floats(training),
        validation=None if validation is None else _floats(validation),
        best_epoch=best_epoch,
        stopped_early=stopped_early,
        published=published,
        overfitting_start=overfitting_start,
        before=before,
        rates=_floats(rates),
    )


def history_figure(curves: HistoryCurves) -> go.Figure:
    """Draw ``curves``: training blue, validation orange, the gap between them shaded.

    The best epoch is starred; lines mark where validation loss turned and where the run stopped
    early; the published curves are dashed, and what came before a fork is dotted. Under the loss
    is a panel of the learning rate, once there is an epoch.
    """
    title = METRIC_TITLES[curves.metric]
    if curves.empty:
        return empty_figure(f"{title} appears here with the first training batch.")
    number = METRIC_FORMATS[curves.metric]
    figure = go.Figure(
        layout=base_layout(
            legend_itemsizing="constant",
            # With published curves there are seven entries: three beside each other, not two.
            legend_font_size=FONT_SIZE - 1,
            # Of the whole figure, not of the axes: above it are the buttons, whatever its height.
            legend={"yref": "container", "y": _UNDER_BUTTONS, "yanchor": "top"},
            xaxis={
                "title": {"text": "Epoch"},
                "rangemode": "tozero",
                "minallowed": 0,
                "exponentformat": "none",
                "autorangeoptions": {"include": [0, _first_stretch(curves)]},
            },
            yaxis={
                "title": {"text": title},
                "tickformatstops": () if curves.metric == "loss" else SHARE_TICKS,
                "rangemode": "tozero" if curves.metric == "loss" else "normal",
                **({} if curves.metric == "loss" else {"minallowed": -0.05, "maxallowed": 1.05}),
            },
        )
    )
    # First, so that they lie behind everything else.
    if curves.published is not None:
        add_published(figure, curves.published)
    if curves.batch_x.size:
        _add_batches(figure, curves, number)
    if curves.before is not None:
        add_parent_curves(figure, curves.before, number)
    lines = [("Training", curves.training, TRAINING, "circle")]
    if curves.validation is not None:
        lines.append(("Validation", curves.validation, VALIDATION, "diamond"))
    start = curves.before
    for name, values, color, symbol in lines:
        epochs = curves.epochs
        if start is not None:
            # A fork's lines begin where it leaves its parent.
            led = start.training if name == "Training" else start.validation
            epochs = np.concatenate([start.epochs[-1:], epochs])
            values = np.concatenate([led[-1:], values])
        figure.add_scatter(
            x=epochs,
            y=values,
            name=name,
            mode="lines+markers",
            legendrank=1,
            line={"color": color, "width": 2.5},
            marker={"size": 7, "symbol": symbol},
            hovertemplate=f"{name}, epoch %{{x}}: %{{y:{number}}}<extra></extra>",
        )
    _add_best(figure, curves, number)
    if curves.overfitting_start is not None:
        mark_epoch(figure, curves.overfitting_start, "Overfitting<br>starts", curves.metric)
    if curves.stopped_early is not None:
        mark_epoch(figure, curves.stopped_early, "Stopped early", curves.metric)
    if curves.validation is not None:
        gap = gap_trace(curves.epochs, curves.training, curves.validation)
        if gap is not None:
            figure.add_trace(gap)
    if curves.metric == "loss":
        add_rate_panel(figure, _used_rates(curves))
    return figure


def _used_rates(curves: HistoryCurves) -> list[UsedRates]:
    """The rates of a run and, of a fork, those of its parent until then, thin and dotted."""
    runs = []
    before = curves.before
    if before is not None and before.rates.size:
        line = {"color": NEUTRAL, "width": 1, "dash": "dot"}
        runs.append(UsedRates(before.epochs, before.rates, label="Parent: ", line=line))
    if curves.rates.size:
        runs.append(UsedRates(curves.epochs, curves.rates))
    return runs


def mark_epoch(figure: go.Figure, epoch: int, label: str, metric: MetricName) -> None:
    """A dotted line at ``epoch``, its label where curves of ``metric`` rarely are at their end."""
    figure.add_shape(
        type="line",
        x0=epoch,
        x1=epoch,
        y0=0,
        y1=1,
        yref="paper",
        layer="below",
        line={"color": NEUTRAL, "width": 1.5, "dash": "dot"},
    )
    top = metric == "loss"
    figure.add_annotation(
        text=label,
        x=epoch,
        y=1 if top else 0,
        yref="paper",
        xanchor="right",
        yanchor="top" if top else "bottom",
        showarrow=False,
        xshift=-4,
    )


def _first_stretch(curves: HistoryCurves) -> float:
    """Epochs the axis has at least, so that the first few batches don't fill it at once."""
    first = float(curves.batch_x[0]) if curves.batch_x.size else 1.0
    return min(1.0, _FIRST_BATCHES * first)


def _add_batches(figure: go.Figure, curves: HistoryCurves, number: str) -> None:
    figure.add_scatter(
        x=curves.batch_x,
        y=curves.batch_y,
        name="Training batches",
        meta={"live": "batches"},
        legendrank=3,
        mode="markers",
        marker={"color": TRAINING, "size": 3.5, "opacity": 0.6},
        hovertemplate=f"One batch, epoch %{{x:.2f}}: %{{y:{number}}}<extra></extra>",
    )
    figure.add_scatter(
        x=curves.batch_x,
        y=curves.trend,
        name="Batches, smoothed",
        meta={"live": "trend"},
        legendrank=4,
        mode="lines",
        opacity=0.9,
        line={"color": TRAINING, "width": 1.5},
        hovertemplate=f"Batches, smoothed, epoch %{{x:.2f}}: %{{y:{number}}}<extra></extra>",
    )


def _add_best(figure: go.Figure, curves: HistoryCurves, number: str) -> None:
    values = curves.training if curves.validation is None else curves.validation
    found = np.flatnonzero(curves.epochs == curves.best_epoch)
    if found.size == 0 or found[0] >= values.size or not np.isfinite(values[found[0]]):
        return
    figure.add_scatter(
        x=[int(curves.epochs[found[0]])],
        y=[float(values[found[0]])],
        name="Best epoch",
        legendrank=2,
        mode="markers",
        marker={
            "symbol": "star",
            "size": 15,
            "color": TRAINING if curves.validation is None else VALIDATION,
            "line": {"width": 1.2, "color": "#5A3E00"},
        },
        hovertemplate=f"Best epoch, %{{x}}: %{{y:{number}}}<extra></extra>",
    )


def trend_reach(batches: int) -> int:
    """How many batches the trend looks back and ahead: a hundredth of them, or 8 in a short run."""
    return max(batches // 100, min(8, batches // 8))


def _floats(values: Numbers) -> np.ndarray:
    # float32: seven digits are more than a chart can show, and half the bytes on the wire.
    return np.asarray(values, np.float32) if len(values) else _NOTHING


def _thin(count: int, most: int) -> np.ndarray:
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).astype(np.int64))


def _smooth(values: np.ndarray) -> np.ndarray:
    """Mean of the batches around each point; what isn't a number is left out.

    Towards both ends the window shrinks on both sides, so that the trend never lags behind; where
    less than half of it is left there is none.
    """
    half = trend_reach(values.size)
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0), dtype=np.float64)])
    number = np.concatenate([[0], np.cumsum(known)])
    place = np.arange(values.size)
    reach = np.minimum(half, np.minimum(place, values.size - 1 - place))
    start, end = place - reach, place + reach + 1
    inside = number[end] - number[start]
    # At both ends it would be taken from fewer and fewer batches, and jump about.
    inside[reach < half // 2] = 0
    means = (total[end] - total[start]) / np.maximum(inside, 1)
    return np.where(inside > 0, means, np.nan).astype(np.float32)
