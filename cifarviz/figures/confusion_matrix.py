"""Which classes a network takes for which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import percent
from cifarviz.figures.theme import base_layout, empty_figure, label_width

CellValues = Literal["counts", "row_percent"]

_HEIGHT = 600
# With more classes a cell is smaller than a number, and is told by its colour and under the mouse.
_MOST_NUMBERED = 25
# Pixels of an axis's title.
_TITLE = 26


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """``counts`` int (k, k), rows actual, columns predicted; ``shares`` of each row, 0 if empty.

    ``order`` (k,) are the classes as they stand, from top and left, everything else stays in the
    data set's order. ``ringed`` is the actual and the predicted class of the cell looked at.
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    shares: np.ndarray
    shown: CellValues
    ringed: tuple[int, int] | None
    order: tuple[int, ...]


def confusion_matrix(
    classes: Sequence[str],
    counts: np.ndarray,
    *,
    shown: CellValues = "counts",
    ringed: tuple[int, int] | None = None,
    order: Sequence[int] | None = None,
) -> ConfusionMatrix:
    """Shape ``counts``; raises ``ValueError`` when it isn't one row and column a class.

    ``order`` is the data set's own if it is not said; each class stands in it once, else
    ``ValueError``.
    """
    counts = np.asarray(counts, np.int64)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"A matrix of shape {counts.shape} for {len(classes)} classes.")
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    placed = tuple(range(len(classes)) if order is None else order)
    if sorted(placed) != list(range(len(classes))):
        raise ValueError(f"An order of {len(classes)} classes names each of them once: {placed}.")
    return ConfusionMatrix(tuple(classes), counts, shares, shown, ringed, placed)


def confusion_matrix_figure(value: ConfusionMatrix) -> go.Figure:
    """Draw the matrix; a click on a cell answers with customdata [actual, predicted, count]."""
    if value.counts.sum() == 0:
        return empty_figure("No predictions to compare yet.", height=_HEIGHT)
    shares = value.shown == "row_percent"
    size = len(value.classes)
    names = [plotly_text(value.classes[index]) for index in value.order]
    placed = np.ix_(value.order, value.order)
    actual, predicted = (index[placed] for index in np.indices((size, size)))
    room = label_width(value.classes)
    # Lines between cells of a few pixels would be most of what is seen.
    gap = 1 if size <= _MOST_NUMBERED else 0
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            # Above: room for the chart's own buttons.
            margin={"l": room + _TITLE, "r": 16, "t": 40, "b": round(0.75 * room) + _TITLE},
            xaxis={
                "title": {"text": "Predicted"},
                "type": "category",
                "showgrid": False,
                "showline": False,
                "ticks": "",
                "constrain": "domain",
                "constraintoward": "left",
                "tickangle": -40,
            },
            yaxis={
                "title": {"text": "Actual"},
                "type": "category",
                "showgrid": False,
                "showline": False,
                "ticks": "",
                "autorange": "reversed",
                "scaleanchor": "x",
                "constrain": "domain",
                "constraintoward": "top",
            },
        )
    )
    figure.add_heatmap(
        x=names,
        y=names,
        z=(value.shares if shares else value.counts)[placed],
        zmin=0,
        zmax=1 if shares else int(value.counts.max()),
        # The page's own light-to-dark scale, so that a zero is the colour of the page.
        autocolorscale=True,
        xgap=gap,
        ygap=gap,
        showscale=False,
        customdata=np.stack([actual, predicted, value.counts[placed]], axis=-1).tolist(),
        hovertext=_sentences(value)[placed].tolist(),
        hovertemplate="%{hovertext}<extra></extra>",
    )
    if size <= _MOST_NUMBERED:
        _write_numbers(figure, value, names)
    if value.ringed is not None:
        _ring(figure, *(value.order.index(one) for one in value.ringed))
    return figure


def _write_numbers(figure: go.Figure, value: ConfusionMatrix, names: Sequence[str]) -> None:
    placed = np.ix_(value.order, value.order)
    figure.add_scatter(
        x=[name for _ in names for name in names],
        y=[name for name in names for _ in names],
        mode="text",
        text=_texts(value)[placed].ravel().tolist(),
        textfont={"size": 13},
        hoverinfo="skip",
        showlegend=False,
        # How far up the scale each number stands: the chart makes it readable on that colour.
        meta={"onScale": _on_scale(value)[placed].ravel().tolist()},
    )


def _on_scale(value: ConfusionMatrix) -> np.ndarray:
    if value.shown == "row_percent":
        return value.shares
    return value.counts / value.counts.max()


def _ring(figure: go.Figure, row: int, column: int) -> None:
    # Dark around light: one of the two is seen on every cell, in both themes.
    for color, width in (("#1D2730", 6), ("#FFFFFF", 2.5)):
        figure.add_shape(
            type="rect",
            x0=column - 0.48,
            x1=column + 0.48,
            y0=row - 0.48,
            y1=row + 0.48,
            line={"color": color, "width": width},
        )


def _texts(value: ConfusionMatrix) -> np.ndarray:
    if value.shown == "row_percent":
        return np.array([[percent(s, 0) if s else "·" for s in row] for row in value.shares])
    return np.array([[f"{n:,}" if n else "·" for n in row] for row in value.counts])


def _sentences(value: ConfusionMatrix) -> np.ndarray:
    rows = []
    classes = [plotly_text(name) for name in value.classes]
    for i, actual in enumerate(classes):
        row = []
        for j, predicted in enumerate(classes):
            what = f"{actual}, recognised" if i == j else f"{actual} taken for {predicted}"
            images = "1 image" if value.counts[i, j] == 1 else f"{value.counts[i, j]:,} images"
            row.append(f"{what}: {images}, {percent(value.shares[i, j])} of {actual}")
        rows.append(row)
    return np.array(rows)
