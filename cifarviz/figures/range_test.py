"""The curve of a learning-rate range test: loss over a rate that rises with every step."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cifarviz.experiment.formatting import format_rate
from cifarviz.figures.theme import (
    NEUTRAL,
    TEST,
    TRAINING,
    VALIDATION,
    base_layout,
    empty_figure,
    translucent,
)

_HEIGHT = 320
_MOST_POINTS = 300
# The axis ends this far above the loss of the first steps, as a share of the fall: a loss that
# diverges would flatten everything else.
_HEADROOM = 0.35
_LEAST_SPAN = 0.1


@dataclass(frozen=True, eq=False)
class RangeTestCurve:
    """Losses of batches, and their smoothed curve, at the first of ``rates``.

    ``rates`` (planned,) are those of the whole test, and the axis; ``losses`` and ``smoothed``
    (n,) belong to the steps made so far. ``steepest`` and ``suggested`` are rates to be marked.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float32]
    smoothed: NDArray[np.float64]
    steepest: float | None = None
    suggested: float | None = None

    def __post_init__(self) -> None:
        if not len(self.losses) == len(self.smoothed) <= len(self.rates):
            raise ValueError(
                f"{len(self.losses)} losses and {len(self.smoothed)} smoothed ones "
                f"of {len(self.rates)} rates"
            )

    @classmethod
    def empty(cls) -> Self:
        """Return the curve of a test that has not begun."""
        return cls(np.empty(0), np.empty(0, np.float32), np.empty(0))


def range_test_figure(curve: RangeTestCurve) -> go.Figure:
    """Draw the curve on a logarithmic axis, with both rates marked."""
    if not curve.losses.size:
        return empty_figure("Building the network …", height=_HEIGHT)
    drawn = _drawn(len(curve.losses))
    x = curve.rates[drawn]
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": 56, "r": 12, "t": 40, "b": 44},
            xaxis={
                "title": {"text": "Learning rate, higher with each step"},
                "type": "log",
                "range": np.log10(curve.rates[[0, -1]]).tolist(),
                "dtick": 1,
                "exponentformat": "power",
            },
            yaxis={"title": {"text": "Training loss"}, "range": _loss_range(curve)},
        )
    )
    figure.add_scatter(
        x=x,
        y=curve.losses[drawn],
        name="Each batch",
        mode="markers",
        marker={"color": translucent(NEUTRAL, 0.45), "size": 4},
        hovertemplate="learning rate %{x:.2g}: loss %{y:.3f}<extra>one batch</extra>",
    )
    figure.add_scatter(
        x=x,
        y=curve.smoothed[drawn],
        name="Smoothed",
        mode="lines",
        line={"color": TRAINING, "width": 2.5},
        hovertemplate="learning rate %{x:.2g}: loss %{y:.3f}<extra>smoothed</extra>",
    )
    _mark(figure, curve, curve.steepest, "Steepest", VALIDATION, "diamond")
    _mark(figure, curve, curve.suggested, "Suggested", TEST, "circle")
    return figure


def _drawn(count: int) -> NDArray[np.int64]:
    """Return the positions of the steps that are drawn, the last among them."""
    stride = -(-count // _MOST_POINTS)
    return np.arange((count - 1) % stride, count, stride)


def _loss_range(curve: RangeTestCurve) -> list[float]:
    finite = curve.smoothed[np.isfinite(curve.smoothed)]
    if not finite.size:
        return [0.0, 1.0]
    low, start = float(finite.min()), float(finite[0])
    span = max(start - low, _LEAST_SPAN * start)
    return [max(low - _HEADROOM * span, 0.0), start + _HEADROOM * span]


def _mark(
    figure: go.Figure,
    curve: RangeTestCurve,
    rate: float | None,
    name: str,
    color: str,
    symbol: str,
) -> None:
    if rate is None:
        return
    place = min(int(np.searchsorted(curve.rates, rate)), len(curve.losses) - 1)
    marker: dict[str, Any] = {"color": color, "size": 11, "symbol": symbol}
    figure.add_scatter(
        x=[rate],
        y=[curve.smoothed[place]],
        name=f"{name}: {format_rate(rate)}",
        mode="markers",
        marker=marker,
        hovertemplate=f"{name}: %{{x:.2g}}<extra></extra>",
    )
    figure.add_shape(
        type="line",
        x0=rate,
        x1=rate,
        yref="paper",
        y0=0,
        y1=1,
        line={"color": color, "width": 1.5, "dash": "dot"},
    )
