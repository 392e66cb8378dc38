"""Curves over the amount of a change: a picture's probabilities, and the accuracy on many."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.analysis.sweeps import AccuracyCurve, Flip
from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_bounds, format_percent, format_probability
from cifarviz.figures.theme import (
    AXIS,
    NEUTRAL,
    TEST,
    base_layout,
    class_color,
    empty_figure,
    translucent,
)

_HEIGHT = 340
_MOST_CURVES = 5
# Below this a class is no more than a line along the axis.
_LEAST_PEAK = 0.02


@dataclass(frozen=True, eq=False)
class AmountAxis:
    """The axis of an amount: its title with the unit, and how an amount is written.

    ``current`` is the amount of the shown picture, ``flips`` are those at which another class is
    predicted than for the unchanged picture, and ``flip_name`` says what happens there.
    """

    title: str
    format: Callable[[float], str]
    current: float
    flips: tuple[Flip, ...] = ()
    flip_name: str = "Prediction changes"


@dataclass(frozen=True, eq=False)
class ProbabilityCurve:
    """The probabilities (n,) of a class; ``index`` is that of the class in the data set."""

    index: int
    name: str
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ProbabilityCurves:
    """Curves of some classes at ``amounts`` (n,), the highest first; ``hidden`` are the others."""

    amounts: NDArray[np.float64]
    curves: tuple[ProbabilityCurve, ...]
    hidden: int


def probability_curves(
    amounts: NDArray[np.float64],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    shown: Collection[int] = (),
) -> ProbabilityCurves:
    """Choose the classes that are drawn of ``probabilities`` (n, classes).

    Those that reach the highest probabilities, at most 5 and no more than two that stay below 2 %,
    and those in ``shown``. Raises ``ValueError`` for other lengths.
    """
    if probabilities.shape != (len(amounts), len(classes)):
        raise ValueError(f"{probabilities.shape} for {len(amounts)} amounts, {len(classes)} names")
    peaks = probabilities.max(axis=0, initial=0)
    order = np.argsort(-peaks, kind="stable").tolist()
    drawn = [
        index
        for place, index in enumerate(order)
        if index in shown or place < 2 or (place < _MOST_CURVES and peaks[index] >= _LEAST_PEAK)
    ]
    return ProbabilityCurves(
        amounts,
        tuple(ProbabilityCurve(i, classes[i], probabilities[:, i]) for i in drawn),
        len(classes) - len(drawn),
    )


def probability_curves_figure(value: ProbabilityCurves, axis: AmountAxis) -> go.Figure:
    """Draw the curves in the classes' colours, with a mark at each flip and the amount shown."""
    if not value.amounts.size:
        return empty_figure("No prediction yet.", height=_HEIGHT)
    figure = _base(axis, value.amounts, "Probability")
    # A list of formatted amounts: Plotly has no number format with a unit and a true minus.
    x = value.amounts.tolist()
    labels = [axis.format(amount) for amount in x]
    for curve in value.curves:
        name = plotly_text(curve.name)
        figure.add_scatter(
            x=x,
            y=curve.values.tolist(),
            name=name,
            mode="lines",
            line={"color": class_color(curve.index), "width": 2.5},
            customdata=[
                [label, name, format_probability(float(share))]
                for label, share in zip(labels, curve.values, strict=True)
            ],
            hovertemplate="%{customdata[0]}: %{customdata[1]} %{customdata[2]}<extra></extra>",
        )
    _mark_flips(figure, axis)
    return figure


def accuracy_curve_figure(curve: AccuracyCurve, axis: AmountAxis) -> go.Figure:
    """Draw the accuracy with its 95 % interval, and the flips of one picture as dotted lines."""
    if not curve.images:
        return empty_figure("There are no test images.", height=_HEIGHT)
    figure = _base(axis, curve.amounts, "Accuracy")
    shares = (curve.correct / curve.images).tolist()
    bounds = [accuracy_interval(share, curve.images) for share in shares]
    x = curve.amounts.tolist()
    figure.add_scatter(
        x=x + x[::-1],
        y=[high for _, high in bounds] + [low for low, _ in bounds[::-1]],
        mode="none",
        fill="toself",
        fillcolor=translucent(TEST, 0.18),
        name="95% interval",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=x,
        y=shares,
        name=f"{curve.images} test images",
        mode="lines+markers",
        line={"color": TEST, "width": 2.5},
        marker={"size": 6},
        customdata=[
            [axis.format(amount), format_percent(share), format_bounds(*bound)]
            for amount, share, bound in zip(x, shares, bounds, strict=True)
        ],
        hovertemplate="%{customdata[0]}: %{customdata[1]} correct "
        "(95% interval %{customdata[2]})<extra></extra>",
    )
    for number, flip in enumerate(axis.flips):
        figure.add_scatter(
            x=[flip.amount, flip.amount],
            y=[0, 1],
            mode="lines",
            name="This picture flips",
            showlegend=not number,
            line={"color": class_color(flip.predicted), "width": 2, "dash": "dot"},
            hovertemplate=f"The prediction for this picture changes at {axis.format(flip.amount)}"
            "<extra></extra>",
        )
    return figure


def _base(axis: AmountAxis, amounts: NDArray[np.float64], title: str) -> go.Figure:
    line: dict[str, Any] = {
        "type": "line",
        "x0": axis.current,
        "x1": axis.current,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"color": AXIS, "width": 6},
    }
    low, high = float(amounts[0]), float(amounts[-1])
    return go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": 64, "r": 20, "t": 44, "b": 48},
            xaxis={"title": {"text": axis.title}, "range": [low, high]},
            yaxis={"title": {"text": title}, "range": [-0.02, 1.02], "tickformat": ".0%"},
            shapes=[line],
        )
    )


def _mark_flips(figure: go.Figure, axis: AmountAxis) -> None:
    for number, flip in enumerate(axis.flips):
        color = class_color(flip.predicted)
        figure.add_scatter(
            x=[flip.amount],
            y=[float(flip.probabilities[flip.predicted])],
            name=axis.flip_name,
            showlegend=not number,
            mode="markers",
            marker={
                "symbol": "diamond",
                "size": 13,
                "color": color,
                "line": {"color": NEUTRAL, "width": 2},
            },
            hovertemplate=f"{axis.flip_name} at {axis.format(flip.amount)}<extra></extra>",
        )
        figure.add_shape(
            type="line",
            x0=flip.amount,
            x1=flip.amount,
            yref="paper",
            y0=0,
            y1=1,
            line={"color": color, "width": 1.5, "dash": "dot"},
        )


def difference_picture(
    before: NDArray[np.uint8], after: NDArray[np.uint8], factor: int
) -> NDArray[np.uint8]:
    """Draw ``after`` − ``before``, uint8 of one shape, times ``factor``; mid-grey is no change."""
    difference = after.astype(np.int32) - before
    return np.clip(128 + factor * difference, 0, 255).astype(np.uint8)
