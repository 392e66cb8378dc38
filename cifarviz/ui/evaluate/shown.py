"""What is shown of answers to images, wherever they come from: a checkpoint, or an epoch."""

from collections.abc import Mapping

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import Learning
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.asked import AskedImages
from cifarviz.ui.evaluate.cell import cell_images, cell_in_address, cell_menus
from cifarviz.ui.evaluate.galleries import galleries
from cifarviz.ui.evaluate.matrix import clickable_matrix
from cifarviz.ui.evaluate.scores import class_scores
from cifarviz.ui.evaluate.sureness import sureness


def show_evaluation(
    evaluation: Evaluation,
    asked: AskedImages,
    name: str,
    *,
    view: str,
    address: Mapping[str, str],
    learned: Learning | None = None,
) -> None:
    """The matrix with the pictures of a cell, the scores of each class, sureness and galleries.

    ``name`` is what files are called; another ``view`` starts with a fresh matrix; ``learned`` is
    how the images fared over the epochs, where it is known; ``address`` leads to the same network
    on another page.
    """
    cell = cell_in_address(evaluation, asked.info)
    matrix, images = st.columns([6, 5], gap="medium")
    with matrix, errors_shown():
        clickable_matrix(evaluation, cell, asked.info, view=view)
    with images, errors_shown():
        cell_menus(cell, asked.info)
        cell_images(cell, evaluation, asked, **address)
    with errors_shown():
        class_scores(evaluation.per_class, name)
    with errors_shown():
        sureness(evaluation, name)
    with errors_shown():
        galleries(evaluation, asked, learned, **address)
