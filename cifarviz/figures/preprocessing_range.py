"""The range of pixel values after each kind of preprocessing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import CHANNEL_COLORS, NEUTRAL, base_layout, empty_figure, label_width

Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class ChannelRange:
    """Range, mean and standard deviation of a channel after a kind of preprocessing."""

    choice: str
    channel: int
    minimum: float
    maximum: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class PreprocessingRanges:
    """All channels of all kinds of preprocessing."""

    channels: int
    rows: tuple[ChannelRange, ...]


def preprocessing_ranges(
    choices: Mapping[str, tuple[Numbers, Numbers]],
    *,
    minimum: Numbers,
    maximum: Numbers,
    mean: Numbers,
    deviation: Numbers,
) -> PreprocessingRanges:
    """Apply each kind's (scale, offset) per channel to the raw pixels' statistics."""
    channels = len(mean)
    rows = []
    for choice, (scale, offset) in choices.items():
        for c in range(channels):
            ends = sorted(v * scale[c] + offset[c] for v in (minimum[c], maximum[c]))
            rows.append(
                ChannelRange(
                    choice=choice,
                    channel=c,
                    minimum=float(ends[0]),
                    maximum=float(ends[1]),
                    mean=float(mean[c] * scale[c] + offset[c]),
                    deviation=float(deviation[c] * abs(scale[c])),
                )
            )
    return PreprocessingRanges(channels, tuple(rows))


def preprocessing_ranges_figure(value: PreprocessingRanges) -> go.Figure:
    """Draw the range as a bar, mean ± standard deviation as a dot with whiskers."""
    if not value.rows:
        return empty_figure("No preprocessing to compare.", height=280)
    choices = list(dict.fromkeys(row.choice for row in value.rows))
    height = 110 + 26 * len(choices) * (value.channels + 1)
    figure = go.Figure(
        layout=base_layout(
            height=height,
            margin={"l": label_width(choices), "r": 16, "t": 40, "b": 48},
            bargap=0.3,
            barmode="group",
            xaxis={
                "title": {"text": "Network input"},
                "zeroline": True,
                "zerolinewidth": 1,
            },
            yaxis={"autorange": "reversed", "showgrid": False},
        )
    )
    figure.update_xaxes(zerolinecolor="rgba(128, 138, 148, 0.7)")
    names = CHANNEL_COLORS.get(
        value.channels, tuple((f"Channel {i}", NEUTRAL) for i in range(value.channels))
    )
    for channel, (name, color) in enumerate(names):
        rows = [row for row in value.rows if row.channel == channel]
        figure.add_bar(
            orientation="h",
            y=[row.choice for row in rows],
            base=[row.minimum for row in rows],
            x=[row.maximum - row.minimum for row in rows],
            name=name,
            legendgroup=name,
            offsetgroup=name,
            marker={"color": color, "opacity": 0.45},
            customdata=[[r.minimum, r.maximum, r.mean, r.deviation] for r in rows],
            hovertemplate=(
                f"%{{y}}, {name.lower()}<br>from %{{customdata[0]:.3f}} to %{{customdata[1]:.3f}}"
                "<br>mean %{customdata[2]:.3f}, standard deviation "
                "%{customdata[3]:.3f}<extra></extra>"
            ),
        )
        figure.add_scatter(
            x=[row.mean for row in rows],
            y=[row.choice for row in rows],
            error_x={
                "type": "data",
                "array": [row.deviation for row in rows],
                "thickness": 1.6,
                "width": 4,
            },
            mode="markers",
            orientation="h",
            marker={"color": color, "size": 8},
            legendgroup=name,
            offsetgroup=name,
            showlegend=False,
            hoverinfo="skip",
        )
    figure.update_layout(scattermode="group", scattergap=0.3)
    return figure
