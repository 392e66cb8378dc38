"""Accuracy against the number of images that were learned from."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import SHARE_TICKS, TRAINING, VALIDATION, base_layout, empty_figure

_HEIGHT = 420
_GAP = "rgba(128, 138, 148, 0.16)"


@dataclass(frozen=True, eq=False)
class AccuracyBySize:
    """Accuracies 0–1 at the end of runs on ``images``, ascending; arrays of one length.

    ``planned`` are all numbers of images that there will be, for the axis.
    """

    images: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    planned: tuple[int, ...]


def accuracy_by_size_figure(sizes: AccuracyBySize) -> go.Figure:
    """Draw both over a logarithmic axis, with the gap between them shaded."""
    if not sizes.planned:
        return empty_figure("Here is a point for each run as it ends.", height=_HEIGHT)
    low, high = np.log10(sizes.planned[0]), np.log10(sizes.planned[-1])
    margin = 0.06 * (high - low) or 0.1
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            xaxis={
                "title": {"text": "Training images"},
                "type": "log",
                "range": [low - margin, high + margin],
                "tickvals": list(sizes.planned),
                "ticktext": [f"{one:,}" for one in sizes.planned],
            },
            yaxis={
                "title": {"text": "Accuracy at the end"},
                "range": [0, 1.02],
                "tickformatstops": SHARE_TICKS,
            },
        )
    )
    lines = (
        ("Training", sizes.training, TRAINING, None),
        ("Validation", sizes.validation, VALIDATION, "tonexty"),
    )
    for name, values, color, fill in lines:
        figure.add_scatter(
            x=sizes.images.tolist(),
            y=values.tolist(),
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2.4},
            marker={"size": 9},
            fill=fill,
            fillcolor=_GAP,
            hovertemplate=f"<b>{name}</b><br>%{{x:,}} images: %{{y:.1%}}<extra></extra>",
        )
    return figure
