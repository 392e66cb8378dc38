"""Precision, recall and F1 of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import base_layout, class_color, empty_figure, room_for

Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class ScoreBar:
    """One class's scores, 0..1, and its number of images; None where a score has no meaning."""

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class ScoreBars:
    """The classes in the data set's order."""

    classes: tuple[ScoreBar, ...]


def score_bars(
    classes: Sequence[str],
    precision: Numbers,
    recall: Numbers,
    f1: Numbers,
    support: Sequence[int] | np.ndarray,
) -> ScoreBars:
    """Shape four arrays of one value a class; NaN becomes None."""
    rows = zip(classes, precision, recall, f1, support, strict=True)
    return ScoreBars(
        tuple(ScoreBar(n, _known(p), _known(r), _known(f), int(s)) for n, p, r, f, s in rows)
    )


def score_bars_figure(value: ScoreBars) -> go.Figure:
    """F1 as a bar in the class's colour, precision and recall as marks on it."""
    classes = value.classes
    if not any(row.support for row in classes):
        return empty_figure("No scores yet: nothing was evaluated.", height=420)
    names = [row.name for row in classes]
    figure = go.Figure(
        layout=base_layout(
            height=90 + 34 * len(classes),
            bargap=0.35,
            margin={"l": room_for(names), "r": 16, "t": 40, "b": 32},
            xaxis={"range": [0, 1.02], "tickformat": ".0%", "side": "bottom"},
            yaxis={"autorange": "reversed", "showgrid": False},
        )
    )
    figure.add_bar(
        orientation="h",
        x=[row.f1 for row in classes],
        y=names,
        name="F1",
        marker={"color": [class_color(i) for i in range(len(classes))], "opacity": 0.55},
        customdata=[row.support for row in classes],
        hovertemplate="%{y}: F1 %{x:.1%} (%{customdata:,} images)<extra></extra>",
    )
    # Light on dark and dark on light, each with the other's rim: seen on any bar and any page.
    for name, symbol, inside, rim, scores in (
        ("Precision", "diamond", "#FFFFFF", "#2A3138", [row.precision for row in classes]),
        ("Recall", "circle", "#2A3138", "#FFFFFF", [row.recall for row in classes]),
    ):
        figure.add_scatter(
            x=scores,
            y=names,
            name=name,
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 11,
                "color": inside,
                "line": {"width": 1.6, "color": rim},
            },
            hovertemplate=f"%{{y}}: {name.lower()} %{{x:.1%}}<extra></extra>",
        )
    return figure


def _known(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None
