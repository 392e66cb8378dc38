"""The confusion matrix, and the images of a cell."""

from typing import Literal, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, confusable_order
from cifarviz.analysis.predictions import rank_classes
from cifarviz.analysis.tables import confusion_table
from cifarviz.datasets.info import DatasetInfo
from cifarviz.figures.confusion_matrix import CellValues, confusion_matrix, confusion_matrix_figure
from cifarviz.figures.percent import format_probability
from cifarviz.figures.sprite import sprite
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.evaluation import EvaluatedImages, EvaluationView
from cifarviz.ui.evaluate.image_details import (
    BARS_EXPLANATION,
    TILE_SIZE,
    open_clicked_image,
    read_page,
    render_enlarged,
    render_image_links,
    render_pagination,
    tile_bars,
)
from cifarviz.ui.query import render_choice, update_query_params, widget_key, widget_value

CELL_PARAMS = ("image", "page")
"""Query parameters that belong to one cell of one evaluation."""
_PAGE_SIZE = 16
_ENLARGED = 160


class Cell(NamedTuple):
    """A row and a column of the matrix, as class indices."""

    actual: int
    predicted: int


Order = Literal["usual", "alike"]
_VALUES: dict[CellValues, str] = {"counts": "Counts", "row_percent": "Row percent"}
_ORDERS: dict[Order, str] = {"usual": "Usual order", "alike": "Confused together"}


def render_matrix(view: EvaluationView, cell: Cell) -> None:
    """Show the matrix with ``cell`` ringed; a click on another goes there.

    The address holds as ``matrix`` whether it is counts or percentages, and as ``order`` the order
    of its classes.
    """
    evaluation = view.evaluation
    order = tuple(range(len(evaluation.classes)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        values = _render_values_choice()
        chosen = _render_order_choice(has_epochs=view.epoch is not None)
        if chosen == "alike":
            order = confusable_order(view.order_evaluation().confusion)
        csv_button(
            "CSV",
            lambda: confusion_table(evaluation, order),
            f"{view.file_name}-confusion-matrix",
            "Saves the matrix with its class names as a spreadsheet file.",
        )
    clicked = chart(
        confusion_matrix_figure(
            confusion_matrix(
                evaluation.classes, evaluation.confusion, shown=values, ringed=cell, order=order
            )
        ),
        key="evaluate-matrix",
        on_click=True,
        # In another order, the same zoom would show other classes.
        view=f"{view.matrix_view} {chosen}",
        file_name="confusion-matrix",
        description="Confusion matrix: rows are actual classes, columns predicted classes",
    )
    if clicked is None or not isinstance(clicked.customdata, list | tuple):
        return
    target = Cell(*(int(index) for index in clicked.customdata[:2]))
    if target != cell:
        open_cell(target, view.images.info)
        st.rerun()


def _render_values_choice() -> CellValues:
    return render_choice(
        "matrix",
        "Confusion matrix",
        _VALUES,
        key="evaluate-shown",
        hint="A row is an actual class, a column a predicted class. Cells are numbers of images, "
        "or their percentage of the row.",
        problem=lambda word: (
            f"There is no view {word} of the matrix. Choose counts or row\\_percent."
        ),
    )


def _render_order_choice(*, has_epochs: bool) -> Order:
    hint = (
        "The data set's own order, or classes that are often confused side by side: then mistakes "
        "gather around the diagonal."
    )
    if has_epochs:
        hint += " All epochs have the order of the newest, so that rows keep their places."
    return render_choice(
        "order",
        "Classes",
        _ORDERS,
        key="evaluate-order",
        hint=hint,
        problem=lambda word: f"There is no order {word} of the classes. Choose usual or alike.",
    )


def cell_in_address(evaluation: Evaluation, info: DatasetInfo) -> Cell:
    """Return the cell the address names, else its image's cell, else the most frequent mistake.

    Unknown classes are reported.
    """
    classes = query_class_names(info)
    values = [st.query_params.get(name) for name in Cell._fields]
    unknown = [value for value in values if value is not None and value not in classes]
    if unknown:
        st.error(
            f"There is no class {quoted(unknown[0])} here: the classes are {', '.join(classes)}.",
            icon=":material/error:",
        )
    elif values[0] is not None or values[1] is not None:
        actual, predicted = (value or values[0] or values[1] or "" for value in values)
        return Cell(classes.index(actual), classes.index(predicted))
    position = _find_image(st.query_params.get("image", ""), evaluation)
    if not unknown and position is not None:
        return _cell_of(position, evaluation)
    return most_frequent_mistake(evaluation.confusion) or Cell(0, 0)


def most_frequent_mistake(confusion: NDArray[np.integer]) -> Cell | None:
    """Return the largest cell off the diagonal, the first of equals; ``None`` without mistakes."""
    mistakes = np.array(confusion)
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        return None
    actual, predicted = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return Cell(int(actual), int(predicted))


def open_cell(cell: Cell, info: DatasetInfo, **params: str) -> None:
    """Put a cell into the address, together with other ``params``."""
    classes = query_class_names(info)
    names = {name: classes[index] for name, index in zip(Cell._fields, cell, strict=True)}
    update_query_params(**dict.fromkeys(CELL_PARAMS) | names | params)


def render_cell_menus(cell: Cell, info: DatasetInfo) -> None:
    """Show two menus that choose the cell without a click on the matrix."""
    names = dict(zip(query_class_names(info), class_names(info), strict=True))
    menus = {
        "actual": ("Actual class", "The label of the images: a row of the matrix."),
        "predicted": ("Predicted class", "What the network predicts: a column of the matrix."),
    }
    for column, name, index in zip(st.columns(2), Cell._fields, cell, strict=True):
        label, hint = menus[name]
        column.selectbox(
            label,
            list(names),
            index,
            format_func=names.__getitem__,
            key=widget_key(f"evaluate-{name}", query_class_names(info)[index]),
            help=hint,
            on_change=_cell_chosen,
            args=(info,),
        )


def _cell_chosen(info: DatasetInfo) -> None:
    # Both menus' newest values: after two quick changes the page may not have run in between.
    cell = [widget_value(f"evaluate-{name}") for name in Cell._fields]
    open_cell(Cell(*map(query_class_names(info).index, cell)), info)


def render_cell_images(cell: Cell, view: EvaluationView) -> None:
    """Show the images of a cell, the most confident first, and one of them enlarged."""
    evaluation, images = view.evaluation, view.images
    positions = evaluation.cell(*cell)
    actual, predicted = (evaluation.classes[index] for index in cell)
    outcome = "recognised" if cell.actual == cell.predicted else f"taken for {predicted}"
    if not len(positions):
        st.info(
            f"No {images.noun} of the class {escaped(actual)} is {escaped(outcome)}.",
            icon=":material/info:",
        )
        return
    wanted = _image_of_cell(cell, positions, evaluation, images)
    page = read_page(positions, _PAGE_SIZE, selected=wanted)
    shown = page.positions
    selected = int(shown[0]) if wanted is None else wanted
    _render_image(selected, view)
    noun = images.noun if len(positions) == 1 else f"{images.noun}s"
    title = images.noun.capitalize()
    st.markdown(
        f"**{len(positions):,}** {noun} of the class {escaped(actual)}, {escaped(outcome)}; the "
        "most confident first"
    )
    bars = tile_bars(evaluation.classes, evaluation.probabilities[shown], evaluation.labels[shown])
    st.caption(BARS_EXPLANATION)
    indices = evaluation.indices[shown].tolist()
    shares = evaluation.probabilities[shown, cell.predicted]
    clicked = image_grid(
        sprite(images.pixels[shown]),
        key="evaluate-cell",
        labels=[
            f"{index} · {format_probability(share, 0)}"
            for index, share in zip(indices, shares, strict=True)
        ],
        tooltips=[
            f"{title} {index}: {actual}; predicted\n{text}"
            for index, text in zip(indices, bars.texts, strict=True)
        ],
        bars=bars.bars,
        size=TILE_SIZE,
        selected=int(np.flatnonzero(shown == selected)[0]) if selected in shown else None,
        description=f"{title}s of the class {actual}, {outcome}",
    )
    render_pagination(page, f"evaluate-page-{cell.actual}-{cell.predicted}", forget=("image",))
    open_clicked_image(clicked, shown, selected, evaluation.indices, param="image")


def _render_image(position: int, view: EvaluationView) -> None:
    evaluation, images = view.evaluation, view.images
    index = int(evaluation.indices[position])
    title = f"{images.noun.capitalize()} {index}"
    actual = evaluation.classes[evaluation.labels[position]]
    ranked = rank_classes(evaluation.classes, evaluation.probabilities[position])
    with st.container(horizontal=True, key="evaluate-image"):
        render_enlarged(images.pixels[position], f"{title}, {actual}", _ENLARGED)
        with st.container(gap="small"):
            top = ", ".join(
                f"{escaped(rank.name)} {format_probability(rank.probability)}"
                for rank in ranked[:3]
            )
            st.markdown(f"**{title}**, class {escaped(actual)}  \nPredicted: {top}")
            render_image_links(images, index, view.member)


def _image_of_cell(
    cell: Cell, positions: NDArray[np.int64], evaluation: Evaluation, images: EvaluatedImages
) -> int | None:
    """Return the position of the image the address names; report it if it is not in this cell."""
    text = st.query_params.get("image")
    if text is None:
        return None
    position = _find_image(text, evaluation)
    if position is None:
        st.error(_missing_image_text(text, evaluation, images), icon=":material/error:")
        return None
    if position in positions:
        return position
    own = _cell_of(position, evaluation)
    actual, predicted = (escaped(evaluation.classes[index]) for index in own)
    st.info(
        f"{images.noun.capitalize()} {text} is not in this cell: its class is {actual}, and the "
        f"network predicts {predicted}.",
        icon=":material/info:",
    )
    st.button(
        "Show it in its cell",
        on_click=lambda: open_cell(own, images.info, image=text),
    )
    return None


def _missing_image_text(text: str, evaluation: Evaluation, images: EvaluatedImages) -> str:
    number = whole_number(text)
    split = "test" if images.split == "test" else "training"
    if number is None or number >= images.split_size:
        return (
            f"There is no {split} image {quoted(text)}: those of {images.info.title} are numbered "
            f"0 to {images.split_size - 1:,}."
        )
    if images.split == "test":
        return (
            f"Test image {number:,} is not among the {len(evaluation):,} of the embedded sample, "
            "on which this run is evaluated."
        )
    return (
        f"Training image {number:,} is not among the {len(evaluation):,} that this run held out "
        "for validation."
    )


def _cell_of(position: int, evaluation: Evaluation) -> Cell:
    return Cell(int(evaluation.labels[position]), int(evaluation.predicted[position]))


def _find_image(text: str, evaluation: Evaluation) -> int | None:
    number = whole_number(text)
    if number is None or number not in evaluation.indices:
        return None
    return int(np.flatnonzero(evaluation.indices == number)[0])
