"""Probabilities of an ensemble's members for one image, and their mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_probability
from cifarviz.figures.theme import base_layout, empty_figure, label_width

ENSEMBLE = "Ensemble, by sum"
_ROW, _FRAME = 32, 44
# With more classes a cell is narrower than a number.
_MAX_NUMBERED = 25


@dataclass(frozen=True, eq=False)
class MemberProbabilities:
    """``shares`` float64 (members + 1, classes), 0 to 1: a row for each member, then their mean.

    ``actual`` is the true class's index if known.
    """

    classes: tuple[str, ...]
    labels: tuple[str, ...]
    shares: np.ndarray
    actual: int | None


def member_probabilities(
    classes: Sequence[str],
    labels: Sequence[str],
    members: np.ndarray,
    *,
    actual: int | None = None,
) -> MemberProbabilities:
    """Shape probabilities (members, classes); ``ValueError`` if labels or classes do not fit."""
    if members.shape != (len(labels), len(classes)):
        raise ValueError(
            f"{len(labels)} labels and {len(classes)} classes for probabilities of {members.shape}"
        )
    shares = members.astype(np.float64)
    if len(shares):
        shares = np.vstack([shares, shares.mean(axis=0)])
    return MemberProbabilities(tuple(classes), (*labels, ENSEMBLE), shares, actual)


def member_probabilities_figure(value: MemberProbabilities) -> go.Figure:
    """Draw a row for each member and in bold the ensemble; the actual class is ticked."""
    height = _FRAME + _ROW * len(value.labels)
    if not len(value.shares):
        return empty_figure("No members yet.", height=height)
    names = [plotly_text(name) for name in value.classes]
    labels = [plotly_text(label) for label in value.labels]
    classes = [
        f"<b>{name} ✓</b>" if index == value.actual else name for index, name in enumerate(names)
    ]
    rows = [*labels[:-1], f"<b>{labels[-1]}</b>"]
    figure = go.Figure(
        layout=base_layout(
            height=height,
            margin={"l": label_width(value.labels), "r": 16, "t": 8, "b": 32},
            xaxis={
                "type": "category",
                "showgrid": False,
                "showline": False,
                "ticks": "",
                "fixedrange": True,
            },
            yaxis={
                "type": "category",
                "showgrid": False,
                "showline": False,
                "ticks": "",
                "autorange": "reversed",
                "fixedrange": True,
            },
        )
    )
    figure.add_heatmap(
        x=classes,
        y=rows,
        z=value.shares,
        zhoverformat=".1%",
        zmin=0,
        zmax=1,
        # The page's own scale, so that a zero has the colour of the page.
        autocolorscale=True,
        xgap=1,
        ygap=1,
        showscale=False,
        hovertext=[
            [
                f"{label}: {name}, {format_probability(share, 2)}"
                for name, share in zip(names, shares, strict=True)
            ]
            for label, shares in zip(labels, value.shares, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    if len(classes) > _MAX_NUMBERED:
        return figure
    figure.add_scatter(
        x=classes * len(rows),
        y=[row for row in rows for _ in classes],
        mode="text",
        text=[
            format_probability(share, 0) if share >= 0.005 else "·"
            for share in value.shares.ravel()
        ],
        textfont={"size": 13},
        hoverinfo="skip",
        showlegend=False,
        # Each number's position on the scale: the chart picks a text colour that contrasts.
        meta={"onScale": value.shares.ravel().tolist()},
    )
    return figure
