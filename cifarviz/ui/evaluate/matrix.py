"""The confusion matrix, whose cells are clicked."""

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.data.datasets import DatasetInfo
from cifarviz.figures.confusion_matrix import Shown, confusion_matrix, confusion_matrix_figure
from cifarviz.ui.address_choice import address_choice
from cifarviz.ui.components.chart import chart
from cifarviz.ui.evaluate.cell import Cell, go_to_cell

_WORDS: dict[Shown, str] = {"counts": "Counts", "row_percent": "Row percent"}


def clickable_matrix(evaluation: Evaluation, cell: Cell, info: DatasetInfo, view: str) -> None:
    """Show the matrix with ``cell`` ringed; a click on another goes there.

    The address holds as ``matrix`` whether it is counts or percentages. Another ``view`` argument
    (the run and checkpoint) starts with fresh axes.
    """
    shown = _shown()
    figure = confusion_matrix_figure(
        confusion_matrix(evaluation.classes, evaluation.confusion, shown=shown, ringed=cell)
    )
    clicked = chart(
        figure,
        key="evaluate-matrix",
        on_click=True,
        view=view,
        file_name="confusion-matrix",
        description="Confusion matrix: rows are actual classes, columns predicted ones",
    )
    if clicked is None or not isinstance(clicked.customdata, list | tuple):
        return
    actual, predicted = (int(index) for index in clicked.customdata[:2])
    if Cell(actual, predicted) != cell:
        go_to_cell(Cell(actual, predicted), info)
        st.rerun()


def _shown() -> Shown:
    return address_choice(
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
