"""Loss or accuracy of a run over its epochs and batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.curve_marks import (
    EpochCurves,
    PublishedCurves,
    add_parent_curves,
    gap_trace,
    published_traces,
)
from cifarviz.figures.learning_rate import UsedRates, rate_panel
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

# With the trend 2,000 points, which a browser redraws in a few hundredths of a second. SVG, not
# WebGL: it needs no graphics driver, and can be saved as SVG.
_MAX_POINTS = 1000
_FIRST_BATCHES = 20
_UNDER_BUTTONS = 0.94
_NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class HistoryCurves:
    """Curves of a run, arrays of one length each for batches and for epochs.

    x is in epochs, 1 = after the first. ``trend`` are the smoothed batches; NaN in any y is a gap.
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
    """The epoch after which overfitting starts."""
    before: EpochCurves | None = None
    """The parent's curves up to the epoch where a fork begins."""
    rates: np.ndarray = field(default_factory=lambda: _NOTHING)
    """The learning rate in the last step of each epoch, drawn below the loss; may be empty."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw yet."""
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
    max_points: int = _MAX_POINTS,
) -> HistoryCurves:
    """Shape a history: ``epochs`` are 1, 2, …; ``batch_epochs`` fractional (0.5: mid-epoch 1).

    More than ``max_points`` batches are thinned evenly, always with the last; the trend is
    computed from all of them.
    """
    x, y = _floats(batch_epochs), _floats(batch_values)
    trend = _smooth(y)
    indices = _thin(x.size, max_points)
    return HistoryCurves(
        metric=metric,
        batch_x=x[indices],
        batch_y=y[indices],
        trend=trend[indices],
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
    """Draw ``curves``: training, validation, and the gap between them shaded.

    A star marks the best epoch, lines mark where overfitting starts and where the run stopped
    early. Published curves are dashed, the parent's curves dotted. Below the loss is a panel of
    the learning rate, once there is an epoch.
    """
    title = METRIC_TITLES[curves.metric]
    if curves.empty:
        return empty_figure(f"{title} appears here with the first training batch.")
    number = METRIC_FORMATS[curves.metric]
    figure = go.Figure(
        layout=base_layout(
            legend_itemsizing="constant",
            # With published curves there are seven entries, which must fit three in a row.
            legend_font_size=FONT_SIZE - 1,
            # Relative to the figure, not the axes: the buttons are above it at any height.
            legend={"yref": "container", "y": _UNDER_BUTTONS, "yanchor": "top"},
            xaxis={
                "title": {"text": "Epoch"},
                "rangemode": "tozero",
                "minallowed": 0,
                "exponentformat": "none",
                "autorangeoptions": {"include": [0, _least_length(curves)]},
            },
            yaxis={
                "title": {"text": title},
                "tickformatstops": () if curves.metric == "loss" else SHARE_TICKS,
                "rangemode": "tozero" if curves.metric == "loss" else "normal",
                **({} if curves.metric == "loss" else {"minallowed": -0.05, "maxallowed": 1.05}),
            },
        )
    )
    # First, so that they are behind everything else.
    if curves.published is not None:
        figure.add_traces(published_traces(curves.published))
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
            parent = start.training if name == "Training" else start.validation
            epochs = np.concatenate([start.epochs[-1:], epochs])
            values = np.concatenate([parent[-1:], values])
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
    if curves.metric == "loss" and (panel := rate_panel(_used_rates(curves))) is not None:
        figure.update_layout(panel.layout, height=figure.layout.height + panel.height)
        figure.add_annotation(panel.annotation)
        figure.add_traces(panel.traces)
    return figure


def _used_rates(curves: HistoryCurves) -> list[UsedRates]:
    """The rates of a run and, thin and dotted, those of a fork's parent before it."""
    runs = []
    before = curves.before
    if before is not None and before.rates.size:
        line = {"color": NEUTRAL, "width": 1, "dash": "dot"}
        runs.append(UsedRates(before.epochs, before.rates, label="Parent: ", line=line))
    if curves.rates.size:
        runs.append(UsedRates(curves.epochs, curves.rates))
    return runs


def mark_epoch(figure: go.Figure, epoch: int, label: str, metric: MetricName) -> None:
    """Draw a dotted line at ``epoch``, with its label where ``metric`` leaves most space."""
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


def _least_length(curves: HistoryCurves) -> float:
    """The least length of the axis in epochs, so that the first batches do not fill it."""
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
    indices = np.flatnonzero(curves.epochs == curves.best_epoch)
    if indices.size == 0 or indices[0] >= values.size or not np.isfinite(values[indices[0]]):
        return
    figure.add_scatter(
        x=[int(curves.epochs[indices[0]])],
        y=[float(values[indices[0]])],
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
    """Batches averaged on either side: a hundredth of all, or at most 8 in a short run."""
    return max(batches // 100, min(8, batches // 8))


def _floats(values: Numbers) -> np.ndarray:
    # float32 is more precise than a chart, and half as many bytes.
    return np.asarray(values, np.float32) if len(values) else _NOTHING


def _thin(count: int, limit: int) -> np.ndarray:
    if count <= limit:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, limit).astype(np.int64))


def _smooth(values: np.ndarray) -> np.ndarray:
    """Centred moving average of the batches, ignoring values that are not finite.

    Towards both ends the window shrinks on both sides, so that the trend does not lag; with less
    than half a window the trend is NaN.
    """
    half = trend_reach(values.size)
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0), dtype=np.float64)])
    number = np.concatenate([[0], np.cumsum(known)])
    place = np.arange(values.size)
    reach = np.minimum(half, np.minimum(place, values.size - 1 - place))
    start, end = place - reach, place + reach + 1
    inside = number[end] - number[start]
    # With few batches at both ends the trend would be noisy.
    inside[reach < half // 2] = 0
    means = (total[end] - total[start]) / np.maximum(inside, 1)
    return np.where(inside > 0, means, np.nan).astype(np.float32)
