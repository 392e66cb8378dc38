"""How often a network is right, by how sure it is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.percent import interval, percent
from cifarviz.figures.theme import NEUTRAL, TEST, WARNING, base_layout, empty_figure

_HEIGHT = 340


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of equal width from 0 to 1: ``counts`` (n,), mean ``confidence`` and ``accuracy``.

    ``intervals`` (n, 2), low and high, is how far each accuracy may be off by chance.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    intervals: np.ndarray | None = None


def reliability_figure(value: Reliability) -> go.Figure:
    """A bar a bin as high as its accuracy, and its gap to the confidence; the diagonal is ideal."""
    if not value.counts.sum():
        return empty_figure("No answers to compare yet.", height=_HEIGHT)
    bins = len(value.counts)
    there = value.counts > 0
    middles = ((np.arange(bins) + 0.5) / bins)[there]
    accuracy, confidence = value.accuracy[there], value.confidence[there]
    share = {"range": [0, 1.01], "tickformat": ".0%"}
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            barmode="overlay",
            bargap=0.06,
            xaxis={**share, "title": {"text": "How sure it is"}},
            yaxis={**share, "title": {"text": "How often it is right"}},
        )
    )
    bounds = None if value.intervals is None else value.intervals[there]
    told = [
        f"{count:,} images<br>sure: {percent(sure)}<br>right: {percent(right)}"
        for count, sure, right in zip(value.counts[there], confidence, accuracy, strict=True)
    ]
    if bounds is not None:
        told = [
            f"{one}<br>by chance {interval(*bound)}"
            for one, bound in zip(told, bounds, strict=True)
        ]
    words = "%{customdata}<extra></extra>"
    figure.add_bar(
        x=middles,
        y=accuracy,
        width=1 / bins,
        name="Right",
        marker={"color": TEST, "opacity": 0.8},
        error_y=_whiskers(accuracy, bounds),
        customdata=told,
        hovertemplate=words,
    )
    figure.add_bar(
        x=middles,
        y=confidence - accuracy,
        base=accuracy,
        width=1 / bins,
        name="Gap",
        marker={"color": WARNING, "opacity": 0.35, "pattern": {"shape": "/", "fgopacity": 0.5}},
        customdata=told,
        hovertemplate=words,
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="As sure as right",
        line={"color": NEUTRAL, "dash": "dot", "width": 2},
        hoverinfo="skip",
    )
    return figure


def _whiskers(accuracy: np.ndarray, bounds: np.ndarray | None) -> dict[str, Any] | None:
    if bounds is None:
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": bounds[:, 1] - accuracy,
        "arrayminus": accuracy - bounds[:, 0],
        "color": NEUTRAL,
        "thickness": 1.5,
        "width": 4,
    }
