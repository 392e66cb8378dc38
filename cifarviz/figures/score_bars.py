"""Precision, recall and F1 of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_bounds, format_percent
from cifarviz.figures.theme import base_layout, class_color, empty_figure, label_width

# Pixels of a row, and of a row if there are more than 25.
_ROW, _LOW_ROW, _FEW = 34, 20, 25

Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class ScoreBar:
    """A class's scores, 0 to 1, ``None`` if undefined, and its number of images.

    ``precision_bounds`` and ``recall_bounds`` are 95 % intervals, low and high.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    precision_bounds: tuple[float, float] | None = None
    recall_bounds: tuple[float, float] | None = None


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
    *,
    precision_bounds: np.ndarray | None = None,
    recall_bounds: np.ndarray | None = None,
) -> ScoreBars:
    """Shape arrays of one value per class; NaN becomes ``None``. Bounds are (classes, 2)."""
    rows = zip(classes, precision, recall, f1, support, strict=True)
    return ScoreBars(
        tuple(
            ScoreBar(
                n,
                _finite(p),
                _finite(r),
                _finite(f),
                int(s),
                _pair(precision_bounds, number),
                _pair(recall_bounds, number),
            )
            for number, (n, p, r, f, s) in enumerate(rows)
        )
    )


def score_bars_figure(value: ScoreBars) -> go.Figure:
    """Draw F1 as a bar in the class's colour, precision and recall as marks on it."""
    classes = value.classes
    if not any(row.support for row in classes):
        return empty_figure("No scores yet.", height=420)
    names = [plotly_text(row.name) for row in classes]
    figure = go.Figure(
        layout=base_layout(
            height=90 + (_ROW if len(classes) <= _FEW else _LOW_ROW) * len(classes),
            bargap=0.35,
            margin={"l": label_width(row.name for row in classes), "r": 16, "t": 40, "b": 32},
            xaxis={"range": [0, 1.02], "tickformat": ".0%", "side": "bottom"},
            # Not "reversed", which leaves space above and below many rows.
            yaxis={"type": "category", "range": [len(classes) - 0.5, -0.5], "showgrid": False},
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
    # Light with a dark rim and dark with a light rim: visible on any bar in both themes.
    for name, symbol, inside, rim, scores, bounds in (
        (
            "Precision",
            "diamond",
            "#FFFFFF",
            "#2A3138",
            [row.precision for row in classes],
            [row.precision_bounds for row in classes],
        ),
        (
            "Recall",
            "circle",
            "#2A3138",
            "#FFFFFF",
            [row.recall for row in classes],
            [row.recall_bounds for row in classes],
        ),
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
            customdata=[
                _format_score(score, pair) for score, pair in zip(scores, bounds, strict=True)
            ],
            hovertemplate=f"%{{y}}: {name.lower()} %{{customdata}}<extra></extra>",
        )
    return figure


def _format_score(score: float | None, bounds: tuple[float, float] | None) -> str:
    if score is None:
        return ""
    return (
        format_percent(score)
        if bounds is None
        else f"{format_percent(score)} ({format_bounds(*bounds)})"
    )


def _pair(bounds: np.ndarray | None, number: int) -> tuple[float, float] | None:
    return None if bounds is None else (float(bounds[number, 0]), float(bounds[number, 1]))


def _finite(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None
