"""What each member of an ensemble says of one image, and what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_probability
from cifarviz.figures.theme import base_layout, empty_figure, label_width

TOGETHER = "Ensemble, by sum"
_ROW, _FRAME = 32, 44
# With more classes a cell is narrower than a number.
_MOST_NUMBERED = 25


@dataclass(frozen=True, eq=False)
class MemberProbabilities:
    """``shares``: float64 (members + 1, classes), 0 to 1, a row a member and the mean of all last.

    ``actual`` is the true class's index where it is known.
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
    """Shape probabilities (members, classes); raises ``ValueError`` unless each has its name."""
    if members.shape != (len(labels), len(classes)):
        raise ValueError(f"{len(labels)} labels, {len(classes)} classes, and {members.shape} came")
    given = members.astype(np.float64)
    shares = np.vstack([given, given.mean(axis=0)]) if len(given) else given
    return MemberProbabilities(tuple(classes), (*labels, TOGETHER), shares, actual)


def member_probabilities_figure(value: MemberProbabilities) -> go.Figure:
    """A row a member, the ensemble's below in bold; a column a class, the actual one ticked."""
    height = _FRAME + _ROW * len(value.labels)
    if not len(value.shares):
        return empty_figure("No members yet: nobody was asked.", height=height)
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
        zmin=0,
        zmax=1,
        # The page's own light-to-dark scale, so that a zero is the colour of the page.
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
    if len(classes) > _MOST_NUMBERED:
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
        # How far up the scale each number stands: the chart makes it readable on that colour.
        meta={"onScale": value.shares.ravel().tolist()},
    )
    return figure
