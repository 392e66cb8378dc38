"""Augmentation on the Samples page: its controls, and the shown images as training changes them."""

from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.data.image_set import Dataset
from cifarviz.experiment.address import pack_changes, preset_draft
from cifarviz.experiment.choices import Augmentation, change_augmentation
from cifarviz.experiment.dataset_fitting import fit_draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.ui.address import sentence_case
from cifarviz.ui.augmentation_examples import (
    EXAMPLE_IMAGES,
    render_augmentation_examples,
    render_draw_again,
)
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import current_query_params, widget_key, widget_value
from cifarviz.ui.samples.view import SamplesView, read_address, write_address

# What is shown first: each change is plain to see.
_FIRST = Augmentation(flip=True, shift=4, rotation=15)
_STEPS = {
    "shift": 1,
    "rotation": 5.0,
    "zoom": 0.05,
    "brightness": 0.05,
    "contrast": 0.1,
    "saturation": 0.1,
    "hue": 5.0,
    "cutout": 1,
    "mixup": 0.1,
    "cutmix": 0.1,
}
_OF_COLORS = ("saturation", "hue")
_WIDTH = 112
# CSS pixels of a page on a screen of 1,440, and versions of each image.
_ROOM, _VERSIONS = 1_040, 4


def render_augmentation_controls(view: SamplesView) -> None:
    """Show the switch, and a field for each change while it is on."""
    on = view.augment is not None
    with (
        st.container(border=True, key="samples-augmentation"),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        st.toggle(
            "Augmentation",
            value=on,
            key=widget_key("samples-augment", on),
            on_change=_switch,
            help="Shows the first images as training would change them, drawn by the code "
            "that trains.",
        )
        if view.augment is None:
            return
        for name, value in view.augment:
            _render_field(view, name, value)
        render_draw_again(view.draw, lambda draw: _update_view(draw=draw))
        _render_link(view, view.augment)


def render_augmented(
    view: SamplesView, augmentation: Augmentation, dataset: Dataset, about: DeltaGenerator
) -> None:
    """Show the first of the view's images, and what ``augmentation`` makes of them."""
    images = dataset.split(view.shown_split)
    shown = images.take(view.positions(images)[:EXAMPLE_IMAGES])
    if not len(shown):
        st.info(
            "No images of these classes are on this machine. Choose other classes, or none for all "
            "classes.",
            icon=":material/info:",
        )
        return
    about.markdown(f"The first {len(shown)} images drawn, each with random changes.")
    render_augmentation_examples(
        dataset,
        shown,
        augmentation,
        room=_ROOM,
        versions=_VERSIONS,
        draw=view.draw,
    )


def _render_field(view: SamplesView, name: str, value: Any) -> None:
    label, hint = sentence_case(Augmentation.label(name)), Augmentation.help_text(name)
    key = f"samples-augment-{name}"
    options: dict[str, Any] = {
        "key": widget_key(key, value),
        "help": hint,
        "on_change": partial(_set, name, key),
    }
    if isinstance(value, bool):
        st.toggle(label, value=value, **options)
        return
    kind = type(_STEPS[name])
    low, high = (kind(limit or 0) for limit in Augmentation.limits(name))
    st.number_input(
        label,
        low,
        high,
        value,
        _STEPS[name],
        format="%d" if kind is int else "%.1f" if _STEPS[name] >= 1 else "%.2f",
        width=_WIDTH,
        disabled=name in _OF_COLORS and view.info.image_shape[2] == 1 and not value,
        **options,
    )


def _render_link(view: SamplesView, augmentation: Augmentation) -> None:
    """Link to Train with this augmentation, for the first preset, fitted to the data set."""
    preset = next(
        (
            name
            for name, preset in PRESETS.items()
            if preset.experiment.data.dataset == view.dataset
        ),
        next(iter(PRESETS)),
    )
    draft = fit_draft(preset_draft(preset), view.dataset)
    draft = draft.with_value("augmentation", augmentation.model_dump(mode="json"))
    packed = pack_changes(draft)
    changes = {} if packed is None else {"changes": packed}
    link_to("train", "Set up training with it", preset=preset, part="data", **changes)


def _switch() -> None:
    _update_view(augment=_FIRST if widget_value("samples-augment") else None, draw=0)


def _set(name: str, key: str) -> None:
    view, _ = read_address(current_query_params())
    value = widget_value(key)
    # Steps of 0.1 add up to 0.30000000000000004.
    value = round(value, 6) if isinstance(value, float) else value
    fields = dict(view.augment or _FIRST)
    changed = Augmentation.make(**change_augmentation(fields, name, value))
    _update_view(augment=changed)


def _update_view(**fields: Any) -> None:
    view, _ = read_address(current_query_params())
    write_address(view.changed(**fields, image=None))
