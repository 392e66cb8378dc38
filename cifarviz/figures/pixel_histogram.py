"""Histograms of pixel values, one per channel."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import CHANNEL_COLORS, NEUTRAL, base_layout, empty_figure, translucent

# A peak this many times as high as the next bin is cut off.
_CUT_OFF = 5


@dataclass(frozen=True, eq=False)
class PixelHistogram:
    """``shares`` (channels, bins): the share of a channel's pixels in each bin."""

    starts: np.ndarray
    width: float
    shares: np.ndarray


def pixel_histogram(counts: np.ndarray, *, low: float = 0.0, high: float = 256.0) -> PixelHistogram:
    """Shape ``counts`` (channels, bins) of equal bins from ``low`` to ``high``."""
    values = np.atleast_2d(np.asarray(counts, np.float64))
    width = (high - low) / max(1, values.shape[1])
    totals = np.maximum(values.sum(axis=1, keepdims=True), 1.0)
    return PixelHistogram(low + width * np.arange(values.shape[1]), width, values / totals)


def pixel_histogram_figure(value: PixelHistogram) -> go.Figure:
    """Draw an outline for each channel; a very high peak is cut off and labelled."""
    if value.shares.size == 0 or not value.shares.any():
        return empty_figure("No pixels to count.", height=320)
    figure = go.Figure(
        layout=base_layout(
            height=320,
            hovermode="x unified",
            xaxis={"title": {"text": "Pixel value"}},
            yaxis={
                "title": {"text": "Share of pixels"},
                "tickformat": ".1%",
                "rangemode": "tozero",
            },
        )
    )
    channels = value.shares.shape[0]
    names = CHANNEL_COLORS.get(channels, tuple((f"Channel {i}", NEUTRAL) for i in range(channels)))
    for (name, color), shares in zip(names, value.shares, strict=True):
        figure.add_scatter(
            x=value.starts,
            y=shares.astype(np.float32),
            name=name,
            mode="lines",
            line={"color": color, "width": 1.8, "shape": "hvh"},
            fill="tozeroy",
            fillcolor=translucent(color, 0.14),
            hovertemplate=f"{name}: %{{y:.2%}}<extra></extra>",
        )
    _cut_off_peak(figure, value)
    return figure


def _cut_off_peak(figure: go.Figure, value: PixelHistogram) -> None:
    highest = value.shares.max(axis=0)
    if len(highest) < 2:
        return
    peak, rest = int(highest.argmax()), float(np.sort(highest)[-2])
    if highest[peak] <= _CUT_OFF * rest or rest == 0:
        return
    figure.update_yaxes(range=[0, 1.3 * rest])
    figure.add_annotation(
        text=f"{highest[peak]:.1%} of the pixels are {value.starts[peak]:g}",
        x=value.starts[peak],
        y=1.25 * rest,
        xanchor="left",
        xshift=6,
        showarrow=False,
    )
