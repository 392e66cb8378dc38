"""The confusion matrix of a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_percent
from cifarviz.figures.theme import base_layout, empty_figure, label_width

CellValues = Literal["counts", "row_percent"]

_HEIGHT = 600
# With more classes cells are too small for numbers: colour and hover text show them.
_MAX_NUMBERED = 25
# Pixels of an axis's title.
_TITLE = 26


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """``counts`` int (k, k), rows actual, columns predicted; ``shares`` of each row, 0 if empty.

    ``order`` (k,) is the order in which the classes are drawn; everything else is in the data
    set's order. ``ringed`` is the selected cell: actual and predicted class.
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
    """Shape ``counts``; ``order`` defaults to the data set's.

    Raises ``ValueError`` unless there is a row and a column for each class, and ``order`` has
    each class once.
    """
    counts = np.asarray(counts, np.int64)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"A matrix of shape {counts.shape} for {len(classes)} classes.")
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    order = tuple(range(len(classes)) if order is None else order)
    if sorted(order) != list(range(len(classes))):
        raise ValueError(f"An order of {len(classes)} classes has each of them once: {order}.")
    return ConfusionMatrix(tuple(classes), counts, shares, shown, ringed, order)


def confusion_matrix_figure(value: ConfusionMatrix) -> go.Figure:
    """Draw the matrix; the customdata of a cell is [actual, predicted, count]."""
    if value.counts.sum() == 0:
        return empty_figure("No predictions yet.", height=_HEIGHT)
    shares = value.shown == "row_percent"
    size = len(value.classes)
    names = [plotly_text(value.classes[index]) for index in value.order]
    placed = np.ix_(value.order, value.order)
    actual, predicted = (index[placed] for index in np.indices((size, size)))
    room = label_width(value.classes)
    # Gaps would hide cells of a few pixels.
    gap = 1 if size <= _MAX_NUMBERED else 0
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            # Space above for the chart's buttons.
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
        zhoverformat=".1%" if shares else "",
        # The page's own scale, so that a zero has the colour of the page.
        autocolorscale=True,
        xgap=gap,
        ygap=gap,
        showscale=False,
        customdata=np.stack([actual, predicted, value.counts[placed]], axis=-1).tolist(),
        hovertext=_hover_texts(value)[placed].tolist(),
        hovertemplate="%{hovertext}<extra></extra>",
    )
    if size <= _MAX_NUMBERED:
        _write_numbers(figure, value, names)
    if value.ringed is not None:
        _ring(figure, *(value.order.index(index) for index in value.ringed))
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
        # Each number's position on the scale: the chart picks a text colour that contrasts.
        meta={"onScale": _on_scale(value)[placed].ravel().tolist()},
    )


def _on_scale(value: ConfusionMatrix) -> np.ndarray:
    if value.shown == "row_percent":
        return value.shares
    return value.counts / value.counts.max()


def _ring(figure: go.Figure, row: int, column: int) -> None:
    # Dark around light: one of them contrasts with any cell in both themes.
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
        return np.array([[format_percent(s, 0) if s else "·" for s in row] for row in value.shares])
    return np.array([[f"{n:,}" if n else "·" for n in row] for row in value.counts])


def _hover_texts(value: ConfusionMatrix) -> np.ndarray:
    rows = []
    classes = [plotly_text(name) for name in value.classes]
    for i, actual in enumerate(classes):
        row = []
        for j, predicted in enumerate(classes):
            what = f"{actual}, correct" if i == j else f"{actual} predicted as {predicted}"
            images = "1 image" if value.counts[i, j] == 1 else f"{value.counts[i, j]:,} images"
            row.append(f"{what}: {images}, {format_percent(value.shares[i, j])} of {actual}")
        rows.append(row)
    return np.array(rows)
