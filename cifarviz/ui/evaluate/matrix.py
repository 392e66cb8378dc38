"""The confusion matrix, and the pictures of a cell."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, confusable_order
from cifarviz.analysis.members import Member
from cifarviz.analysis.predictions import rank_classes
from cifarviz.analysis.tables import confusion_table
from cifarviz.datasets.info import DatasetInfo
from cifarviz.figures.confusion_matrix import CellValues, confusion_matrix, confusion_matrix_figure
from cifarviz.figures.percent import format_probability
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import class_color
from cifarviz.runs.stored_weights import default_weights, explain_missing_weights
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import TileBar, image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.epoch_scrubber import inspectable_epochs, nearest_epoch
from cifarviz.ui.evaluate.evaluation import EvaluatedImages, EvaluationView
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import checkpoint_label, checkpoints_of
from cifarviz.ui.query import render_choice, update_query_params, widget_key, widget_value
from cifarviz.ui.streamlit_patches import uninterruptible


class WayInside(NamedTuple):
    """The ``address`` of a picture's feature maps, and ``words`` on whose they are.

    There are none where they are of the very network that was asked.
    """

    address: dict[str, str]
    words: str


BARS_WORDS: Final = (
    "the three likeliest classes; the actual one is outlined, and takes the third place where it "
    "is less likely."
)
"""What the bars are, as the rest of a sentence."""
_BARS = 3


class TileBars(NamedTuple):
    """For each of k pictures its bars from top to bottom, and ``dog 98.4%, cat 1.6%, …``."""

    bars: list[list[TileBar]]
    words: list[str]


DEPENDENT = ("image", "page")
"""What in the address makes sense for one evaluation only."""
_A_PAGE = 16
_TILE = 96
_ENLARGED = 160


class Cell(NamedTuple):
    """A row and a column of the matrix, as class indices."""

    actual: int
    predicted: int


Order = Literal["usual", "alike"]
_WORDS: dict[CellValues, str] = {"counts": "Counts", "row_percent": "Row percent"}
_ORDERS: dict[Order, str] = {"usual": "Usual order", "alike": "Confused together"}


def clickable_matrix(answered: EvaluationView, cell: Cell) -> None:
    """Show the matrix with ``cell`` ringed; a click on another goes there.

    The address holds as ``matrix`` whether it is counts or percentages, and as ``order`` how its
    classes stand.
    """
    evaluation = answered.evaluation
    order = tuple(range(len(evaluation.classes)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = _chosen_shares()
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


def _chosen_shares() -> CellValues:
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


def cell_in_address(evaluation: Evaluation, info: DatasetInfo) -> Cell:
    """The cell that the address names; else that of the image there, else the commonest mistake.

    What the address names in vain is said.
    """
    classes = address_names(info)
    named = [st.query_params.get(name) for name in Cell._fields]
    unknown = [name for name in named if name is not None and name not in classes]
    if unknown:
        st.error(
            f"There is no class {quoted(unknown[0])} here: the classes are {', '.join(classes)}.",
            icon=":material/error:",
        )
    elif named[0] is not None or named[1] is not None:
        actual, predicted = (name or named[0] or named[1] or "" for name in named)
        return Cell(classes.index(actual), classes.index(predicted))
    position = _position(st.query_params.get("image", ""), evaluation)
    if not unknown and position is not None:
        return _cell_of(position, evaluation)
    return commonest_mistake(evaluation.confusion) or Cell(0, 0)


def commonest_mistake(confusion: NDArray[np.integer]) -> Cell | None:
    """The largest cell off the diagonal, the first of equals; ``None`` if all is right."""
    mistakes = np.array(confusion)
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        return None
    actual, predicted = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return Cell(int(actual), int(predicted))


def go_to_cell(cell: Cell, info: DatasetInfo, **also: str) -> None:
    """Put a cell into the address, and with it what ``also`` names."""
    classes = address_names(info)
    named = {name: classes[index] for name, index in zip(Cell._fields, cell, strict=True)}
    update_query_params(**dict.fromkeys(DEPENDENT) | named | also)


def cell_menus(cell: Cell, info: DatasetInfo) -> None:
    """Two menus that choose the cell, for those who can't or won't click on it."""
    places = st.columns(2)
    names = dict(zip(address_names(info), class_names(info), strict=True))
    words = {"actual": "Actual class", "predicted": "Predicted class"}
    helps = {
        "actual": "What the images show, as the data set says: a row of the matrix.",
        "predicted": "What the network takes them for: a column of the matrix.",
    }
    for place, name, index in zip(places, Cell._fields, cell, strict=True):
        key = f"evaluate-{name}"
        place.selectbox(
            words[name],
            list(names),
            index,
            format_func=names.__getitem__,
            key=widget_key(key, address_names(info)[index]),
            help=helps[name],
            on_change=uninterruptible(_chosen),
            args=(info,),
        )


def cell_images(cell: Cell, answered: EvaluationView) -> None:
    """The images of a cell, the surest first, and one of them large."""
    evaluation, asked = answered.evaluation, answered.asked
    members = evaluation.cell(*cell)
    actual, predicted = (evaluation.classes[index] for index in cell)
    fate = "recognised" if cell.actual == cell.predicted else f"taken for {predicted}"
    which = f"{actual}, {fate}"
    if not len(members):
        st.info(
            f"No {asked.noun} of the class {escaped(actual)} is {escaped(fate)}.",
            icon=":material/info:",
        )
        return
    wanted = _wanted(cell, members, evaluation, asked)
    page, pages = _page(members, wanted), -(-len(members) // _A_PAGE)
    shown = members[(page - 1) * _A_PAGE : page * _A_PAGE]
    chosen = int(shown[0]) if wanted is None else wanted
    _enlarged(chosen, answered)
    noun = asked.noun if len(members) == 1 else f"{asked.noun}s"
    title = asked.noun.capitalize()
    st.markdown(f"**{len(members):,}** {noun} of the class {escaped(which)}; the surest first")
    shares = evaluation.probabilities[shown, cell.predicted]
    bars, words = tile_bars(
        evaluation.classes, evaluation.probabilities[shown], evaluation.labels[shown]
    )
    st.caption(f"Bars: {BARS_WORDS}")
    clicked = image_grid(
        sprite(asked.images.images[shown]),
        key="evaluate-cell",
        labels=[
            f"{index} · {format_probability(share, 0)}"
            for index, share in zip(evaluation.indices[shown], shares, strict=True)
        ],
        tooltips=[
            f"{title} {index}: {actual}; the network says\n{said}"
            for index, said in zip(evaluation.indices[shown], words, strict=True)
        ],
        bars=bars,
        size=_TILE,
        selected=int(np.flatnonzero(shown == chosen)[0]) if chosen in shown else None,
        description=f"{title}s of the class {which}",
    )
    if pages > 1:
        # Another key for another page: so it follows the address.
        key = f"evaluate-page-{cell.actual}-{cell.predicted}-{page}"
        st.pagination(
            pages, default=page, key=key, on_change=uninterruptible(_turned), args=(key, page)
        )
    if clicked is not None and int(shown[clicked]) != chosen:
        update_query_params(image=str(evaluation.indices[shown[clicked]]))
        st.rerun()


def _enlarged(position: int, answered: EvaluationView) -> None:
    evaluation, asked = answered.evaluation, answered.asked
    title = asked.noun.capitalize()
    index = int(evaluation.indices[position])
    ranked = rank_classes(evaluation.classes, evaluation.probabilities[position])
    actual = evaluation.classes[evaluation.labels[position]]
    pixels = enlarge(asked.images.images[position], _ENLARGED)
    with st.container(horizontal=True, key="evaluate-image"):
        st.image(
            sprite(pixels[np.newaxis]).png,
            width=pixels.shape[1],
            alt=f"{title} {index}, {actual}, enlarged",
        )
        with st.container(gap="small"):
            said = ", ".join(
                f"{escaped(one.name)} {format_probability(one.probability)}" for one in ranked[:3]
            )
            st.markdown(f"**{title} {index}**, class {escaped(actual)}  \nThe network says: {said}")
            picture_links(asked, index, answered.member)


def _wanted(
    cell: Cell, members: NDArray[np.int64], evaluation: Evaluation, asked: EvaluatedImages
) -> int | None:
    """Position of the image that the address names, if it is in this cell; else why not is said."""
    text = st.query_params.get("image")
    if text is None:
        return None
    position = _position(text, evaluation)
    if position is None:
        number = whole_number(text)
        if number is None or number >= asked.limit:
            why = f"{asked.numbered}; {quoted(text)} is none of them."
        elif asked.split == "test":
            why = (
                f"Test image {number:,} is not among the {len(evaluation):,} of the embedded "
                "sample, on which this run is evaluated."
            )
        else:
            why = (
                f"Training image {number:,} is not among the {len(evaluation):,} that this run "
                "held back for validation."
            )
        st.error(why, icon=":material/error:")
        return None
    if position in members:
        return position
    own = _cell_of(position, evaluation)
    actual, predicted = (escaped(evaluation.classes[one]) for one in own)
    st.info(
        f"{asked.noun.capitalize()} {text} is not in this cell: its class is {actual}, and these "
        f"weights say {predicted}.",
        icon=":material/info:",
    )
    st.button(
        "Show it in its cell",
        on_click=uninterruptible(lambda: go_to_cell(own, asked.info, image=text)),
    )
    return None


def _cell_of(position: int, evaluation: Evaluation) -> Cell:
    found = int(evaluation.probabilities[position].argmax())
    return Cell(int(evaluation.labels[position]), found)


def _page(members: NDArray[np.int64], wanted: int | None) -> int:
    """The page from 1 that the address names, else that of the image it names."""
    pages = -(-len(members) // _A_PAGE)
    text = st.query_params.get("page")
    if text is None:
        return 1 if wanted is None else int(np.flatnonzero(members == wanted)[0]) // _A_PAGE + 1
    number = whole_number(text)
    if number is None or not 1 <= number <= pages:
        has = "1 page" if pages == 1 else f"{pages} pages"
        st.error(
            f"The images of this cell fill {has}; {quoted(text)} is none of them.",
            icon=":material/error:",
        )
        return 1
    return number


def _position(text: str, evaluation: Evaluation) -> int | None:
    number = whole_number(text)
    if number is None or number not in evaluation.indices:
        return None
    return int(np.flatnonzero(evaluation.indices == number)[0])


def _chosen(info: DatasetInfo) -> None:
    # From where both menus are by now: with a quick second press the page has not come as far.
    cell = [widget_value(f"evaluate-{name}") for name in Cell._fields]
    go_to_cell(Cell(*map(address_names(info).index, cell)), info)


def _turned(key: str, page: int) -> None:
    if state.get(key) != page:
        update_query_params(image=None, page=str(state.get(key)))


def way_inside(asked: EvaluatedImages, index: int, member: Member) -> WayInside:
    """Where Inside shows the picture ``index``, its official one, by ``member`` or the nearest.

    A run keeps answers after each epoch, but weights, and maps of pinned test images, of a few.
    """
    run, when = member.run, member.when
    there = {"split": asked.split, "image": str(index), "run": run.id}
    if not isinstance(when, int):
        return WayInside(there | {"checkpoint": when}, "")
    kept = inspectable_epochs(run, index if asked.split == "test" else None)
    if kept:
        near = nearest_epoch(kept, when)
        words = "" if near == when else f"after epoch {near}"
        if len(kept) > 1:
            return WayInside(there | {"checkpoint": "epochs", "epoch": str(near)}, words)
        if not isinstance(kept[near], int):
            # With nothing to choose among, Inside has no slider.
            return WayInside(there | {"checkpoint": str(kept[near])}, words)
    which = default_weights(cache.store(), run)
    if explain_missing_weights(cache.store(), run, which) is not None:
        # Inside says what is missing.
        return WayInside(there, "")
    return WayInside(there | {"checkpoint": which}, f"by the run, {checkpoint_label(run, which)}")


def picture_links(asked: EvaluatedImages, index: int, member: Member) -> None:
    """Links to Inside, to the epoch nearest to that of ``member``, and to Predict.

    ``index`` is the picture's official one.
    """
    inside = way_inside(asked, index, member)
    link_to("inside", f"See its feature maps {inside.words}".rstrip(), **inside.address)
    there = {"split": asked.split, "image": str(index), "run": member.run.id}
    if isinstance(member.when, int):
        # Predict asks the weights that a run has kept to the end, unless they were removed.
        if checkpoints_of(member.run):
            link_to("predict", "What the run says of it at its end", **there)
    else:
        link_to("predict", "See its prediction", checkpoint=member.when, **there)


def tile_bars(
    classes: Sequence[str], probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> TileBars:
    """The likeliest classes of each picture, the actual one among them.

    ``probabilities`` are (k, classes), ``labels`` (k,) the actual classes.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :_BARS]
    unlikely = ~(order == labels[:, np.newaxis]).any(axis=1)
    order[unlikely, -1] = labels[unlikely]
    found = TileBars([], [])
    for named, shares, actual in zip(order, probabilities, labels, strict=True):
        given = [(int(index), float(shares[index])) for index in named]
        found.bars.append([TileBar(p, class_color(i), i == actual) for i, p in given])
        found.words.append(", ".join(f"{classes[i]} {format_probability(p)}" for i, p in given))
    return found
