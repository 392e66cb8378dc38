"""The learning rate over a training: as scheduled, and as used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import (
    AXIS,
    FONT_SIZE,
    GRID,
    NEUTRAL,
    TRAINING,
    base_layout,
    empty_figure,
)

_HEIGHT = 220
_MAX_POINTS = 800
# Epochs between ticks; an axis has 3 to 8 intervals, or one per epoch in a short run.
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200)
_MAX_STEPS = 8
# Shares of a chart's height for the panel and its title, and the pixels that the chart grows by.
_PANEL, _PANEL_TITLE, _PANEL_PIXELS = 0.17, 0.11, 70
# Rates that differ by more than this factor are drawn on a logarithmic axis.
_DECADE = 10


@dataclass(frozen=True, eq=False)
class LearningRateCurve:
    """``rates`` float64 at ``epochs`` (fractional, from 0), thinned except for both ends.

    ``last_epoch`` is the last epoch of the training.
    """

    epochs: np.ndarray
    rates: np.ndarray
    last_epoch: int


def learning_rate_curve(
    rates: Sequence[float] | np.ndarray, steps_per_epoch: int
) -> LearningRateCurve:
    """Shape the rates of all training steps; ``steps_per_epoch`` is at least 1."""
    values = np.asarray(rates, np.float64)
    indices = np.unique(np.linspace(0, values.size - 1, min(values.size, _MAX_POINTS)).astype(int))
    steps = max(1, steps_per_epoch)
    return LearningRateCurve(indices / steps, values[indices], -(-values.size // steps))


def _ticks(last: int) -> list[int]:
    """Round numbers of epochs from 0, and the last epoch, at least 0.6 intervals apart."""
    steps = [step for step in _STEPS if 3 <= last / step <= _MAX_STEPS] or [1]
    step = next((step for step in steps if last % step == 0), steps[0])
    return [*(epoch for epoch in range(0, last, step) if last - epoch > 0.6 * step), last]


def learning_rate_figure(curve: LearningRateCurve) -> go.Figure:
    """Draw the rate as a line."""
    if curve.rates.size == 0:
        return empty_figure("No steps to train.", height=_HEIGHT)
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": 72, "r": 12, "t": 8, "b": 44},
            showlegend=False,
            xaxis={
                "title": {"text": "Epoch"},
                "range": [0, curve.last_epoch],
                "tickvals": _ticks(curve.last_epoch),
            },
            yaxis={
                "title": {"text": "Learning rate"},
                "rangemode": "tozero",
                "exponentformat": "power",
            },
        )
    )
    figure.add_scatter(
        x=curve.epochs,
        y=curve.rates,
        mode="lines",
        line={"color": TRAINING, "width": 2},
        hovertemplate="epoch %{x:.2f}: %{y:.3g}<extra></extra>",
    )
    return figure


@dataclass(frozen=True, eq=False)
class UsedRates:
    """The learning rate in the last step of each epoch; arrays of one length, at least 1.

    ``label`` is the beginning of the hover text, as Plotly text; ``line`` and ``group`` are
    Plotly's ``line`` and ``legendgroup`` of the run.
    """

    epochs: np.ndarray
    rates: np.ndarray
    label: str = ""
    line: Mapping[str, Any] = field(default_factory=lambda: {"color": NEUTRAL, "width": 2})
    group: str = ""


@dataclass(frozen=True)
class RatePanel:
    """A low panel of learning rates below a plot, as Plotly's values."""

    layout: Mapping[str, Any]
    """Changes of the layout, which also becomes ``height`` pixels higher."""
    annotation: Mapping[str, Any]
    traces: Sequence[Mapping[str, Any]]
    height: int


def rate_panel(runs: Sequence[UsedRates]) -> RatePanel | None:
    """A panel that shares the x axis of its plot, in epochs; ``None`` without ``runs``.

    A rate that changes in epochs that follow each other is drawn as a slope, a single change as a
    step where its epoch starts. The axis is logarithmic if the rates differ by more than a factor
    of ten and none is 0.
    """
    if not runs:
        return None
    rates = np.concatenate([run.rates for run in runs])
    lowest, highest = float(rates.min()), float(rates.max())
    logarithmic = lowest > 0 and highest / lowest > _DECADE
    axis = {
        "anchor": "x",
        "domain": [0, _PANEL],
        "type": "log" if logarithmic else "linear",
        "rangemode": "tozero",
        "gridcolor": GRID,
        "linecolor": AXIS,
        "showline": True,
        "zeroline": False,
        "tickformat": ".3~g",
        "nticks": 3,
        "tickfont": {"size": FONT_SIZE - 2},
    }
    if lowest == highest > 0:
        axis |= {"tickvals": [highest], "range": [0, 1.6 * highest]}
    return RatePanel(
        layout={
            "yaxis": {"domain": [_PANEL + _PANEL_TITLE, 1]},
            "yaxis2": axis,
            "xaxis": {"anchor": "y2"},
        },
        annotation={
            "text": format_rates(rates) + (", logarithmic" if logarithmic else ""),
            "x": 0,
            "y": _PANEL,
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": FONT_SIZE - 1},
        },
        traces=[_rate_line(run) for run in runs],
        height=_PANEL_PIXELS,
    )


def format_rates(rates: np.ndarray) -> str:
    """Format the rates used: ``Learning rate 0.001``, or from the lowest to the highest."""
    ends = sorted({float(rates.min()), float(rates.max())})
    return "Learning rate " + " to ".join(f"{rate:.3g}".replace("e-0", "e-") for rate in ends)


def _rate_line(run: UsedRates) -> dict[str, Any]:
    slopes = _slopes(run.rates)
    ends = list(zip(run.epochs.tolist(), run.rates.tolist(), strict=True))
    points = []
    # Where it falls from the first epoch on, the rate at its start is unknown; so it is of one end.
    if len(ends) > 1 and not slopes[0]:
        points.append((ends[0][0] - 1, ends[0][1], f"start of epoch {ends[0][0]}"))
    for place, (epoch, rate) in enumerate(ends):
        if place > 0 and rate != ends[place - 1][1] and not slopes[place - 1]:
            points.append((epoch - 1, rate, f"start of epoch {epoch}"))
        points.append((epoch, rate, f"end of epoch {epoch}"))
    x, y, text = (list(values) for values in zip(*points, strict=True))
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "yaxis": "y2",
        "name": "Learning rate",
        "mode": "lines" if len(points) > 1 else "markers",
        "line": dict(run.line),
        "marker": {"color": run.line["color"], "size": 5},
        "showlegend": False,
        "legendgroup": run.group,
        "text": text,
        "hovertemplate": f"{run.label}Learning rate, %{{text}}: %{{y:.3~g}}<extra></extra>",
    }


def _slopes(rates: np.ndarray) -> np.ndarray:
    """Whether the rate changes within each epoch after the first, as far as their ends tell.

    A change with none in the epochs beside it is a step between two epochs.
    """
    changed = np.diff(rates) != 0
    padded = np.pad(changed, 1)
    return changed & (padded[:-2] | padded[2:] | (changed.size == 1))
