"""The confusion matrix, of which a click chooses a cell."""

from typing import Literal

import streamlit as st

from cifarviz.analysis.class_order import confusable_order
from cifarviz.analysis.tables import confusion_table
from cifarviz.figures.confusion_matrix import Shown, confusion_matrix, confusion_matrix_figure
from cifarviz.ui.components.chart import chart
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.cell import Cell, go_to_cell
from cifarviz.ui.query import render_choice

Order = Literal["usual", "alike"]

_WORDS: dict[Shown, str] = {"counts": "Counts", "row_percent": "Row percent"}
_ORDERS: dict[Order, str] = {"usual": "Usual order", "alike": "Confused together"}


def clickable_matrix(answered: Answered, cell: Cell) -> None:
    """Show the matrix with ``cell`` ringed; a click on another goes there.

    The address holds as ``matrix`` whether it is counts or percentages, and as ``order`` how its
    classes stand.
    """
    evaluation = answered.evaluation
    order = tuple(range(len(evaluation.classes)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = _shown()
        chosen = _order(several=answered.epoch is not None)
        if chosen == "alike":
            order = confusable_order(answered.ordering().confusion)
        csv_button(
            "CSV",
            lambda: confusion_table(evaluation, order),
            f"{answered.name}-confusion-matrix",
            "The numbers of the matrix with the classes' names, as a file for a spreadsheet.",
        )
    figure = confusion_matrix_figure(
        confusion_matrix(
            evaluation.classes, evaluation.confusion, shown=shown, ringed=cell, order=order
        )
    )
    clicked = chart(
        figure,
        key="evaluate-matrix",
        on_click=True,
        # Zoomed into other classes, another order would show something else.
        view=f"{answered.view} {chosen}",
        file_name="confusion-matrix",
        description="Confusion matrix: rows are actual classes, columns predicted ones",
    )
    if clicked is None or not isinstance(clicked.customdata, list | tuple):
        return
    actual, predicted = (int(index) for index in clicked.customdata[:2])
    if Cell(actual, predicted) != cell:
        go_to_cell(Cell(actual, predicted), answered.asked.info)
        st.rerun()


def _shown() -> Shown:
    return render_choice(
        "matrix",
        "Confusion matrix",
        _WORDS,
        key="evaluate-shown",
        hint="Each row is a class; along it stands what the network took its images for, as "
        "numbers of images or as shares of the row.",
        problem=lambda word: (
            f"There is no view {word} of the matrix: it is counts or row\\_percent."
        ),
    )


def _order(*, several: bool) -> Order:
    stays = (
        " It is that of the newest epoch, whichever is shown, so that rows stay where they are."
        if several
        else ""
    )
    return render_choice(
        "order",
        "Classes",
        _ORDERS,
        key="evaluate-order",
        hint="The data set's own order, or one in which classes that are often taken for each "
        f"other stand side by side: then mistakes gather around the diagonal.{stays}",
        problem=lambda word: f"There is no order {word} of the classes: it is usual or alike.",
    )
