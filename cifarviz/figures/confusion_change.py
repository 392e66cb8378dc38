"""How a confusion matrix changes from one network to another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cifarviz.escaping import plotly_text
from cifarviz.figures.color_maps import PURPLE_GREEN
from cifarviz.figures.theme import base_layout, empty_figure, label_width

_HEIGHT = 520
_MAX_NUMBERED = 25


@dataclass(frozen=True, eq=False)
class ConfusionChange:
    """``change`` int64 (k, k): images more in each cell, rows actual, columns predicted."""

    classes: tuple[str, ...]
    change: NDArray[np.int64]


def confusion_change(
    classes: Sequence[str], before: NDArray[np.integer], after: NDArray[np.integer]
) -> ConfusionChange:
    """The difference of two matrices; raises ``ValueError`` unless both fit the classes."""
    size = (len(classes), len(classes))
    if not before.shape == after.shape == size:
        raise ValueError(
            f"Matrices of {before.shape} and {after.shape} for {len(classes)} classes."
        )
    return ConfusionChange(tuple(classes), after.astype(np.int64) - before.astype(np.int64))


def confusion_change_figure(value: ConfusionChange) -> go.Figure:
    """Draw the change: purple for fewer images, white for as many, green for more."""
    limit = int(np.abs(value.change).max(initial=0))
    if not limit:
        return empty_figure("No prediction changes.", height=_HEIGHT)
    names = [plotly_text(name) for name in value.classes]
    room = label_width(value.classes)
    plain = {"showgrid": False, "showline": False, "ticks": "", "type": "category"}
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": room + 26, "r": 16, "t": 40, "b": round(0.75 * room) + 26},
            xaxis={
                **plain,
                "title": {"text": "Predicted"},
                "constrain": "domain",
                "constraintoward": "left",
                "tickangle": -40,
            },
            yaxis={
                **plain,
                "title": {"text": "Actual"},
                "autorange": "reversed",
                "scaleanchor": "x",
                "constrain": "domain",
                "constraintoward": "top",
            },
        )
    )
    texts = [[_signed(int(number)) for number in row] for row in value.change]
    figure.add_heatmap(
        x=names,
        y=names,
        z=value.change,
        zmin=-limit,
        zmax=limit,
        colorscale=[[place / 4, color] for place, color in enumerate(PURPLE_GREEN)],
        showscale=False,
        xgap=1,
        ygap=1,
        hovertext=[
            [f"{a}, predicted as {p}: {texts[i][j]} images" for j, p in enumerate(names)]
            for i, a in enumerate(names)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    if len(names) <= _MAX_NUMBERED:
        shares = np.abs(value.change) / limit
        for dark in (False, True):
            chosen = np.argwhere((value.change != 0) & ((shares > 0.6) == dark))
            figure.add_scatter(
                x=[names[j] for _, j in chosen],
                y=[names[i] for i, _ in chosen],
                mode="text",
                text=[texts[i][j] for i, j in chosen],
                textfont={"size": 13, "color": "#FFFFFF" if dark else "#10161C"},
                hoverinfo="skip",
                showlegend=False,
            )
    return figure


def _signed(number: int) -> str:
    return f"+{number:,}" if number > 0 else f"{number:,}".replace("-", "−")
