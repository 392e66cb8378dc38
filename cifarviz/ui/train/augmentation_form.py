"""The augmentation of a draft on Train, and examples of it."""

from functools import partial

import numpy as np
import streamlit as st

from cifarviz.data.image_set import ImageSet
from cifarviz.data.random_images import random_positions
from cifarviz.errors import DataError
from cifarviz.experiment.choices import Augmentation, change_augmentation
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.ui import cache, state
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.augmentation_examples import (
    EXAMPLE_IMAGES,
    LARGEST_DRAW,
    render_augmentation_examples,
    render_draw_again,
)
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.train.fields import edit_draft, render_field, render_problem

EXAMPLES = "examples"
"""The query parameter with the number of a drawing of examples, if they are shown."""
_FIRST = ("flip", "alternating_flip", "shift")
_MORE = (
    ("rotation", "zoom"),
    ("brightness", "contrast"),
    ("saturation", "hue"),
    ("cutout", "mixup", "cutmix"),
)
_OF_COLORS = ("saturation", "hue")
_TOGGLE = "augmentation-examples-on"
# CSS pixels of the form's column on a screen of 1,440, and versions of each image.
_ROOM, _VERSIONS = 440, 3
# The same images for each visit: what differs is what is done to them.
_SEED, _DRAWN = 777, 120


def render_augmentation_form(draft: Draft, problem: str | None) -> None:
    """Show flips and shift, the other changes in an expander, and examples if wanted."""
    fields = draft.section("augmentation")
    st.markdown("## Augmentation", help=Experiment.help_text("augmentation"))
    _render_row(draft, _FIRST)
    defaults = Augmentation()
    more = [name for names in _MORE for name in names]
    changed = any(fields[name] != getattr(defaults, name) for name in more)
    key = f"{draft.generation}-augmentation-more"
    # Opened once, it stays open when its last change is taken back.
    opened = bool(state.get(key)) if state.has_widget(key) else changed
    with st.expander(
        "More augmentation",
        expanded=opened,
        key=key,
        icon=":material/auto_fix_high:",
        on_change="rerun",
    ):
        for names in _MORE:
            _render_row(draft, names)
    render_problem(problem)
    _render_examples(draft, problem)


def _render_row(draft: Draft, names: tuple[str, ...]) -> None:
    fields = draft.section("augmentation")
    is_grey = draft.image_shape[2] == 1
    for place, name in zip(st.columns(len(names), vertical_alignment="bottom"), names, strict=True):
        with place:
            render_field(
                Augmentation,
                name,
                fields[name],
                partial(_change_field, name),
                key=f"{draft.generation}-augmentation--{name}",
                disabled=is_grey and name in _OF_COLORS and not fields[name],
            )


def _change_field(name: str, value: object) -> None:
    edit_draft(
        lambda draft: draft.with_value(
            "augmentation", change_augmentation(draft.section("augmentation"), name, value)
        )
    )


def _render_examples(draft: Draft, problem: str | None) -> None:
    requested = st.query_params.get(EXAMPLES)
    draw = None if requested is None else whole_number(requested)
    if requested is not None and (draw is None or not 0 <= draw <= LARGEST_DRAW):
        st.error(
            f"Examples have a number from 0 to {LARGEST_DRAW:,}, not {quoted(requested)}. The "
            "first are shown.",
            icon=":material/error:",
        )
        draw = 0
    on = draw is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(
            "Show examples",
            value=on,
            key=widget_key(_TOGGLE, on),
            on_change=_switch_examples,
            help="Shows training images with these changes, made by the code that trains.",
        )
        if draw is not None:
            render_draw_again(draw, _draw_examples)
    if draw is None:
        return
    if problem is not None:
        st.caption("Correct the augmentation to see examples.")
        return
    try:
        data = cache.nearest_dataset(draft.dataset.name, draft.section("data")["variant"])
    except DataError as error:
        render_problem(str(error))
        return
    render_augmentation_examples(
        data,
        _varied_images(data.train),
        Augmentation.make(**draft.section("augmentation")),
        room=_ROOM,
        versions=_VERSIONS,
        draw=draw,
    )


def _varied_images(images: ImageSet) -> ImageSet:
    """Return images drawn at random, as few as possible of each class."""
    drawn = images.take(random_positions(len(images), _DRAWN, _SEED))
    labels = drawn.labels.tolist()
    earlier = [labels[:place].count(label) for place, label in enumerate(labels)]
    return drawn.take(np.argsort(earlier, kind="stable")[:EXAMPLE_IMAGES])


def _switch_examples() -> None:
    update_query_params(**{EXAMPLES: "0" if widget_value(_TOGGLE) else None})


def _draw_examples(draw: int) -> None:
    update_query_params(**{EXAMPLES: str(draw)})
