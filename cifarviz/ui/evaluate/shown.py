"""What is shown of answers to images, wherever they come from: a checkpoint, or an epoch."""

import streamlit as st

from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.cell import cell_images, cell_in_address, cell_menus
from cifarviz.ui.evaluate.matrix import clickable_matrix
from cifarviz.ui.evaluate.parts import part


def show_answered(answered: Answered) -> None:
    """The matrix with the pictures of a cell, and below it the part that is chosen."""
    evaluation, asked = answered.evaluation, answered.asked
    cell = cell_in_address(evaluation, asked.info)
    matrix, images = st.columns([6, 5], gap="medium")
    with matrix, errors_shown():
        clickable_matrix(answered, cell)
    with images, errors_shown():
        cell_menus(cell, asked.info)
        cell_images(cell, answered)
    with errors_shown():
        part(answered)
