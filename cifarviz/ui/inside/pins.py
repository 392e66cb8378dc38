"""The pinned images: to go from one to the other, to add one and to take one off."""

import streamlit as st

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import TRAINING
from cifarviz.runs.pins import MOST, pin, pinned_images, unpin
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.epoch_scrubber import images_with_any_maps
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside.image import ChosenImage
from cifarviz.ui.named_image import images_of
from cifarviz.ui.query import update_query_params

# CSS pixels; eight fit beside each other.
_TILE = 36
_MARK = TRAINING


def show_pins(run: Run, image: ChosenImage) -> None:
    """The pinned images in a row, and a button to pin the one that is shown or to take it off."""
    info = find(run.experiment.data.dataset)
    pinned = pinned_images(cache.store(), info)
    here = images_of(info, "test").having(pinned)
    if len(here):
        classes = class_names(info)
        indices = here.indices.tolist()
        kept = images_with_any_maps(run) & set(indices)
        # Where it is so of all or of none, there is nothing to tell apart.
        marked = 0 < len(kept) < len(indices)
        clicked = image_grid(
            sprite(here.images),
            key="pinned",
            size=_TILE,
            tooltips=[
                f"Test image {index}, {classes[label]}"
                + (": maps kept on the way" if marked and index in kept else "")
                for index, label in zip(indices, here.labels, strict=True)
            ],
            colors=[_MARK if index in kept else "transparent" for index in indices]
            if marked
            else None,
            selected=indices.index(image.test_index) if image.test_index in indices else None,
            noun="Pinned image",
            description="Pinned images",
        )
        if clicked is not None:
            update_query_params(split=None, dataset=None, image=str(indices[clicked]))
            st.rerun()
        if marked:
            st.caption(
                "Underlined: the run has kept their feature maps, at more epochs than weights."
            )
    if image.test_index is not None:
        _button(info, image.test_index, pinned)


def _button(info: DatasetInfo, index: int, pinned: tuple[int, ...]) -> None:
    there = index in pinned
    if st.button(
        "Unpin" if there else "Pin",
        key="inside-pin",
        icon=":material/keep_off:" if there else ":material/keep:",
        help=f"Runs keep the feature maps of the pinned images, {MOST} at most, on their way, so "
        "that these can be looked at when the weights have been thinned out."
        + (" What runs have kept of this one stays." if there else ""),
    ):
        with errors_shown():
            (unpin if there else pin)(cache.store(), info, index)
            st.rerun()
