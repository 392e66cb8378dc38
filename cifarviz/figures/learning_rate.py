"""The learning rate over the course of a training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import TRAINING, base_layout, empty_figure

_HEIGHT = 220
_MOST_POINTS = 800
# Epochs from one tick to the next; an axis has between 3 and 8 of them, or all in a short run.
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200)
_MOST_STEPS = 8


@dataclass(frozen=True, eq=False)
class LearningRateCurve:
    """``rates`` float64 at ``epochs`` (fractional, from 0), thinned, ends kept.

    ``last_epoch`` is the one after whose last step the training ends.
    """

    epochs: np.ndarray
    rates: np.ndarray
    last_epoch: int


def learning_rate_curve(
    rates: Sequence[float] | np.ndarray, steps_per_epoch: int
) -> LearningRateCurve:
    """Shape one rate a training step; ``steps_per_epoch`` is at least 1."""
    values = np.asarray(rates, np.float64)
    keep = np.unique(np.linspace(0, values.size - 1, min(values.size, _MOST_POINTS)).astype(int))
    steps = max(1, steps_per_epoch)
    return LearningRateCurve(keep / steps, values[keep], -(-values.size // steps))


def _ticks(last: int) -> list[int]:
    """Round numbers of epochs from 0, and the last one, not too close to the one before."""
    steps = [step for step in _STEPS if 3 <= last / step <= _MOST_STEPS] or [1]
    step = next((one for one in steps if last % one == 0), steps[0])
    return [*(epoch for epoch in range(0, last, step) if last - epoch > 0.6 * step), last]


def learning_rate_figure(curve: LearningRateCurve) -> go.Figure:
    """One line, stepped where the rate is."""
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
