"""Dialogs of a data set of one's own: its texts, deleting some of its pictures, or all of it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data.image_set import ImageSet, Split
from cifarviz.data.importing.editing import PictureSelection, derived_titles, edit_texts
from cifarviz.datasets.info import DatasetInfo
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.live.items import join_names
from cifarviz.runs.own_pictures import delete_own_dataset, delete_own_pictures, runs_on_dataset
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.errors import render_errors

_SPLITS: Final[dict[Split, str]] = {"train": "Training images", "test": "Test images"}
_A_PAGE: Final = 36
_ALL: Final = -1
# CSS pixels.
_TILE: Final = 56
_LONGEST_LABEL: Final = 10


def render_edit_form(info: DatasetInfo) -> None:
    """Show the content of the dialog that changes title, source and licence."""
    title = st.text_input("Name of the data set", info.title, key="edit-title", max_chars=60)
    source = st.text_input(
        "Where the pictures are from", info.citation, key="edit-source", max_chars=200
    )
    licence = st.text_input("Their licence", info.terms, key="edit-licence", max_chars=200)
    st.caption("Both are shown with the data set, and go into what is exported or made of it.")
    if st.button("Save", type="primary", icon=":material/check:"):
        with render_errors():
            edit_texts(info.name, cache.settings(), title=title, source=source, licence=licence)
            st.rerun()


def render_dataset_deletion(info: DatasetInfo) -> None:
    """Show the content of the dialog that deletes a data set."""
    st.markdown(
        f"{quoted(info.title)}, with its {info.train_images + info.test_images:,} images, will be "
        "deleted from this computer for good."
    )
    if not _render_consequences(info):
        return
    row = st.container(horizontal=True)
    if row.button("Delete permanently", type="primary", icon=":material/delete:"):
        with render_errors():
            delete_own_dataset(cache.store(), info.name)
            cache.forget_images()
            st.rerun()
    if row.button("Cancel"):
        st.rerun()


def render_picture_deletion(info: DatasetInfo) -> None:
    """Show the content of the dialog in which pictures are marked and deleted."""
    marked = state.marked_pictures(f"{info.name} {info.fingerprint}")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    split = row.segmented_control(
        "Pictures",
        list(_SPLITS),
        default="train",
        format_func=_SPLITS.__getitem__,
        key="marking-split",
        required=True,
    )
    names = class_names(info)
    label = row.selectbox(
        "Class",
        [_ALL, *range(len(names))],
        format_func=lambda label: "All classes" if label == _ALL else names[label],
        key="marking-class",
    )
    with render_errors():
        images = cache.dataset(info.name, "full").split(split)
        chosen = marked.train if split == "train" else marked.test
        positions = np.arange(len(images))
        if label != _ALL:
            positions = np.flatnonzero(images.labels == label)
        pages = -(-len(positions) // _A_PAGE)
        number = 1
        if pages > 1:
            number = row.number_input(
                f"Page, of {pages:,}", 1, pages, key=f"marking-page-{split}-{label}", width=130
            )
        shown = positions[(number - 1) * _A_PAGE : number * _A_PAGE]
        st.caption(
            "Click a picture to mark it, and again to take the mark off. What is deleted is gone "
            "for good."
            if len(shown)
            else "There are no such pictures."
        )
        if len(shown):
            clicked = _render_grid(images, shown, chosen, split, names)
            if clicked is not None:
                chosen.symmetric_difference_update({clicked})
                st.rerun(scope="fragment")
        _render_buttons(info, marked, label, names)


def _render_grid(
    images: ImageSet,
    shown: NDArray[np.int64],
    chosen: set[int],
    split: Split,
    names: Sequence[str],
) -> int | None:
    of_each = [names[label] for label in images.labels[shown]]
    clicked = image_grid(
        sprite(images.images[shown]),
        key="marking-grid",
        labels=[
            name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
            for name in of_each
        ],
        tooltips=[
            f"{name}, {_SPLITS[split][:-1].lower()} {position:,}"
            for name, position in zip(of_each, shown.tolist(), strict=True)
        ],
        colors=[class_color(label) for label in images.labels[shown].tolist()],
        size=_TILE,
        muted=[place for place, position in enumerate(shown.tolist()) if position in chosen],
        muted_word="marked to be deleted",
        description="Pictures to mark",
    )
    return None if clicked is None else int(shown[clicked])


def _render_buttons(
    info: DatasetInfo, marked: state.MarkedPictures, label: int, names: Sequence[str]
) -> None:
    if not _render_consequences(info):
        return
    count = len(marked.train) + len(marked.test)
    row = st.container(horizontal=True)
    selection = None
    if row.button(
        "Delete 1 picture" if count == 1 else f"Delete {count:,} pictures",
        type="primary",
        key="delete-marked",
        icon=":material/delete:",
        disabled=not count,
        help="Marked on any page, among training and test images.",
    ):
        selection = PictureSelection(frozenset(marked.train), frozenset(marked.test))
    if label != _ALL and row.button(
        f"Delete the class {quoted(names[label])}",
        key="delete-class",
        icon=":material/delete_sweep:",
        help="All its training and test images.",
    ):
        selection = PictureSelection(classes=frozenset({query_class_names(info)[label]}))
    if row.button("Cancel", key="cancel-marking"):
        st.rerun()
    if selection is not None:
        delete_own_pictures(cache.store(), info.name, selection)
        cache.forget_images()
        st.rerun()


def _render_consequences(info: DatasetInfo) -> bool:
    """Say what a deletion does to runs and other data sets; returns whether it is possible."""
    using = runs_on_dataset(cache.store(), info)
    if any(run.state.active for run in using):
        st.error("A run trains on it. Stop it first.", icon=":material/error:")
        return False
    if using:
        count = "1 run of it" if len(using) == 1 else f"{len(using):,} runs of it"
        st.markdown(
            f"{count} will stay, with curves and weights, but without results on the images that "
            "are deleted, and without saved feature maps of test images."
        )
    if copies := derived_titles(info, cache.settings()):
        st.markdown(f"Data sets made of it keep their own copies: {escaped(join_names(copies))}.")
    return True
