"""A network's class probabilities for one image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_probability
from cifarviz.figures.theme import base_layout, class_color, empty_figure, label_width

BarOrder = Literal["sorted", "class"]

_MAX_BARS = 20


@dataclass(frozen=True)
class ClassProbability:
    """A bar; ``index`` is the class's index in the data set."""

    index: int
    name: str
    probability: float
    actual: bool


@dataclass(frozen=True)
class Probabilities:
    """Bars from top to bottom."""

    bars: tuple[ClassProbability, ...]


def probabilities(
    classes: Sequence[str],
    values: Sequence[float] | np.ndarray,
    *,
    actual: int | None = None,
    order: BarOrder = "sorted",
    most: int = _MAX_BARS,
) -> Probabilities:
    """Shape the probabilities of all classes; ``actual`` is the true class's index if known.

    Sorted, only the ``most`` probable are included, the last replaced by the actual class if that
    is less probable.
    """
    rows = enumerate(zip(classes, values, strict=True))
    bars = [ClassProbability(i, name, float(p), i == actual) for i, (name, p) in rows]
    if order == "sorted":
        bars.sort(key=lambda bar: -bar.probability)
        rest = [bar for bar in bars[most:] if bar.actual]
        bars = bars[: most - len(rest)] + rest
    return Probabilities(tuple(bars))


def probabilities_figure(value: Probabilities) -> go.Figure:
    """Draw horizontal bars in the classes' colours, the actual class ticked."""
    if not value.bars:
        return empty_figure("No prediction yet.", height=300)
    labels = [plotly_text(bar.name) for bar in value.bars]
    names = [
        f"<b>{label} ✓</b>" if bar.actual else label
        for bar, label in zip(value.bars, labels, strict=True)
    ]
    figure = go.Figure(
        layout=base_layout(
            height=40 + 28 * len(value.bars),
            bargap=0.28,
            margin={
                "l": label_width(f"{bar.name} ✓" for bar in value.bars),
                "r": 56,
                "t": 8,
                "b": 24,
            },
            xaxis={"range": [0, 1], "tickformat": ".0%", "fixedrange": True},
            yaxis={"autorange": "reversed", "showgrid": False, "fixedrange": True},
        )
    )
    figure.add_bar(
        orientation="h",
        x=[bar.probability for bar in value.bars],
        y=names,
        marker={"color": [class_color(bar.index) for bar in value.bars]},
        text=[format_probability(bar.probability) for bar in value.bars],
        textposition="outside",
        cliponaxis=False,
        customdata=[
            [bar.index, label, format_probability(bar.probability, 2)]
            for bar, label in zip(value.bars, labels, strict=True)
        ],
        hovertemplate="%{customdata[1]}: %{customdata[2]}<extra></extra>",
    )
    return figure
