"""Which classes a network takes for which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import base_layout, empty_figure

Shown = Literal["counts", "row_percent"]

_HEIGHT = 560


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """``counts`` int (k, k), rows actual, columns predicted; ``shares`` of each row, 0 if empty."""

    classes: tuple[str, ...]
    counts: np.ndarray
    shares: np.ndarray
    shown: Shown


def confusion_matrix(
    classes: Sequence[str], counts: np.ndarray, *, shown: Shown = "counts"
) -> ConfusionMatrix:
    """Shape ``counts``; raises ``ValueError`` when it isn't one row and column a class."""
    counts = np.asarray(counts, np.int64)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"A matrix of shape {counts.shape} for {len(classes)} classes.")
    rows = counts.sum(axis=1, keepdims=True)
    return ConfusionMatrix(tuple(classes), counts, counts / np.maximum(rows, 1), shown)


def confusion_matrix_figure(value: ConfusionMatrix) -> go.Figure:
    """Draw the matrix; a click on a cell answers with customdata [actual, predicted, count]."""
    if value.counts.sum() == 0:
        return empty_figure("No predictions to compare yet.", height=_HEIGHT)
    percent = value.shown == "row_percent"
    size = len(value.classes)
    actual, predicted = np.indices((size, size))
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": 90, "r": 16, "t": 16, "b": 90},
            xaxis={
                "title": {"text": "Predicted"},
                "showgrid": False,
                "showline": False,
                "ticks": "",
                "constrain": "domain",
                "tickangle": -40,
            },
            yaxis={
                "title": {"text": "Actual"},
                "showgrid": False,
                "showline": False,
                "ticks": "",
                "autorange": "reversed",
                "scaleanchor": "x",
                "constrain": "domain",
            },
        )
    )
    figure.add_heatmap(
        x=value.classes,
        y=value.classes,
        z=value.shares if percent else value.counts,
        zmin=0,
        zmax=1 if percent else int(value.counts.max()),
        # The page's own light-to-dark scale, so that a zero is the colour of the page.
        autocolorscale=True,
        xgap=1,
        ygap=1,
        showscale=False,
        text=_texts(value),
        texttemplate="%{text}",
        textfont={"size": 13},
        customdata=np.stack([actual, predicted, value.counts], axis=-1).tolist(),
        hovertext=_sentences(value),
        hovertemplate="%{hovertext}<extra></extra>",
    )
    return figure


def _texts(value: ConfusionMatrix) -> list[list[str]]:
    if value.shown == "row_percent":
        return [[f"{s:.0%}" if s >= 0.005 else "·" for s in row] for row in value.shares]
    return [[f"{n:,}" if n else "·" for n in row] for row in value.counts]


def _sentences(value: ConfusionMatrix) -> list[list[str]]:
    rows = []
    for i, actual in enumerate(value.classes):
        row = []
        for j, predicted in enumerate(value.classes):
            what = f"{actual}, recognised" if i == j else f"{actual} taken for {predicted}"
            images = "1 image" if value.counts[i, j] == 1 else f"{value.counts[i, j]:,} images"
            row.append(f"{what}: {images}, {value.shares[i, j]:.1%} of {actual}")
        rows.append(row)
    return rows
