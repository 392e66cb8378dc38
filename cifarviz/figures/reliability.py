"""The reliability diagram of a network: accuracy by confidence."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.percent import format_bounds, format_percent
from cifarviz.figures.theme import NEUTRAL, TEST, WARNING, base_layout, empty_figure

_HEIGHT = 340


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of equal width from 0 to 1: ``counts`` (n,), mean ``confidence`` and ``accuracy``.

    ``intervals`` (n, 2) are 95 % intervals of the accuracies, low and high.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    intervals: np.ndarray | None = None


def reliability_figure(value: Reliability) -> go.Figure:
    """Draw each bin's accuracy and its gap to the confidence; the diagonal is perfect."""
    if not value.counts.sum():
        return empty_figure("No predictions yet.", height=_HEIGHT)
    bins = len(value.counts)
    filled = value.counts > 0
    middles = ((np.arange(bins) + 0.5) / bins)[filled]
    accuracy, confidence = value.accuracy[filled], value.confidence[filled]
    share = {"range": [0, 1.01], "tickformat": ".0%"}
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            barmode="overlay",
            bargap=0.06,
            xaxis={**share, "title": {"text": "Confidence"}},
            yaxis={**share, "title": {"text": "Accuracy"}},
        )
    )
    bounds = None if value.intervals is None else value.intervals[filled]
    texts = [
        f"{count:,} images<br>confidence {format_percent(mean)}"
        f"<br>accuracy {format_percent(share_correct)}"
        for count, mean, share_correct in zip(
            value.counts[filled], confidence, accuracy, strict=True
        )
    ]
    if bounds is not None:
        texts = [
            f"{text} (95%: {format_bounds(*bound)})"
            for text, bound in zip(texts, bounds, strict=True)
        ]
    hover = "%{customdata}<extra></extra>"
    figure.add_bar(
        x=middles,
        y=accuracy,
        width=1 / bins,
        name="Accuracy",
        marker={"color": TEST, "opacity": 0.8},
        error_y=_whiskers(accuracy, bounds),
        customdata=texts,
        hovertemplate=hover,
    )
    figure.add_bar(
        x=middles,
        y=confidence - accuracy,
        base=accuracy,
        width=1 / bins,
        name="Gap",
        marker={"color": WARNING, "opacity": 0.35, "pattern": {"shape": "/", "fgopacity": 0.5}},
        customdata=texts,
        hovertemplate=hover,
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="Perfectly calibrated",
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
