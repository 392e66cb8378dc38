"""How often a network is right, by how sure it is."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import NEUTRAL, TEST, WARNING, base_layout, empty_figure

_HEIGHT = 340


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of equal width from 0 to 1: ``counts`` (n,), mean ``confidence`` and ``accuracy``."""

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


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
    told = np.stack([value.counts[there], confidence, accuracy], axis=-1)
    words = (
        "%{customdata[0]:,} images<br>sure: %{customdata[1]:.1%}"
        "<br>right: %{customdata[2]:.1%}<extra></extra>"
    )
    figure.add_bar(
        x=middles,
        y=accuracy,
        width=1 / bins,
        name="Right",
        marker={"color": TEST, "opacity": 0.8},
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
