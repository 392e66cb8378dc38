"""A widget for each field of an experiment, and the edits of the draft."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import isfinite
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.dataset_fitting import fit_draft
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.draft_layers import add_layer, add_layer_inside, fit_branch
from cifarviz.experiment.saved_epochs import format_epochs, parse_epochs
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, sentence_case
from cifarviz.ui.navigation import link_to_full_set
from cifarviz.ui.query import widget_key, widget_value
from cifarviz.value import Value
from cifarviz.value_text import format_choice, format_number

_LONGEST = 40

# Fewer than 100 epochs, which are as many as an experiment takes.
_LONGEST_LIST = 280
_WHOLE = re.compile(r"[+-]?\d+")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([,\u202f\u00a0 ]\d{3})+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
OnValue = Callable[[Any], None]
"""Receives the new value of a field."""


def render_field(
    spec: type[Value],
    name: str,
    value: object,
    on_value: OnValue,
    *,
    key: str,
    disabled: bool = False,
    placeholder: str = "",
) -> None:
    """Show field ``name`` of ``spec`` with ``value``; ``on_value`` gets each new value."""
    annotation: Any = spec.model_fields[name].annotation
    label, hint = sentence_case(spec.label(name)), spec.help_text(name)
    if annotation is bool:
        st.toggle(
            label,
            value=value is True,
            key=widget_key(key, value is True),
            help=hint,
            disabled=disabled,
            on_change=lambda: on_value(widget_value(key)),
        )
    elif get_origin(annotation) is Literal:
        render_choice_input(label, get_args(annotation), str(value), on_value, key=key, hint=hint)
    elif get_origin(annotation) is tuple:
        _render_text_input(
            label,
            value,
            on_value,
            text=format_epochs,
            parse=parse_epochs,
            key=key,
            hint=hint,
            longest=_LONGEST_LIST,
            disabled=disabled,
            placeholder=placeholder,
        )
    else:
        is_integer = float not in (annotation, *get_args(annotation))
        _render_text_input(
            label,
            value,
            on_value,
            text=format_number_input,
            parse=partial(parse_number_input, is_integer=is_integer),
            key=key,
            hint=hint,
            longest=_LONGEST,
            disabled=disabled,
            placeholder=placeholder,
        )


def _render_text_input(
    label: str,
    value: object,
    on_value: OnValue,
    *,
    text: Callable[[Any], str],
    parse: Callable[[str], object],
    key: str,
    hint: str,
    longest: int,
    disabled: bool,
    placeholder: str,
) -> None:
    st.text_input(
        label,
        value=text(value),
        key=widget_key(key, value, lambda typed, value: parse(typed) == value),
        help=hint,
        max_chars=longest,
        disabled=disabled,
        placeholder=placeholder,
        autocomplete="off",
        on_change=lambda: on_value(parse(widget_value(key))),
    )


def render_choice_input(
    label: str,
    options: Sequence[str],
    value: str,
    on_value: OnValue,
    *,
    key: str,
    hint: str = "",
    headed: bool = False,
    format_option: Callable[[str], str] = format_choice,
) -> None:
    """Show a menu of ``options``; ``on_value`` gets the choice.

    ``headed``: a heading above has the label and help, so only screen readers get the label here.
    """
    st.selectbox(
        label,
        options,
        index=options.index(value),
        format_func=format_option,
        key=widget_key(key, value),
        help=hint or None,
        label_visibility="collapsed" if headed else "visible",
        on_change=lambda: on_value(widget_value(key)),
    )


def render_problem(problem: str | None) -> None:
    """Show the problem of the fields above, if there is one."""
    if problem is not None:
        st.markdown(f":red[:material/error: {escaped(problem)}]")


def format_number_input(value: object) -> str:
    """Format a value for its text field; ``None`` is empty."""
    if value is None:
        return ""
    return format_number(value) if isinstance(value, float) else str(value)


def parse_number_input(typed: str | None, *, is_integer: bool) -> int | float | str | None:
    """Parse a typed number; returns the text itself if invalid, ``None`` if empty.

    Thousands separators are allowed for ``is_integer`` only, or 0,001 would be read as 1.
    """
    text = (typed or "").strip()
    if not text:
        return None
    if is_integer and _GROUPED.fullmatch(text):
        text = re.sub(r"[^\d+-]", "", text)
    # Only a browser respects the maximum length.
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return text
    if is_integer and _WHOLE.fullmatch(text):
        return int(text)
    number = float(text)
    if not isfinite(number):
        return text
    return int(number) if is_integer and number.is_integer() else number


def set_value(name: str, value: object) -> None:
    """Set a value of the draft, such as ``"epochs"`` or ``"optimizer.learning_rate"``."""
    section, _, field = name.rpartition(".")
    if section:
        edit_draft(
            lambda draft: draft.with_value(section, {**draft.section(section), field: value})
        )
    else:
        edit_draft(lambda draft: draft.with_value(name, value))


def set_dataset(name: str) -> None:
    """Set the data set, and fit the network to its images and classes."""
    edit_draft(lambda draft: fit_draft(draft, name))


def set_kind(section: str, kind: str) -> None:
    """Set the kind of validation, preprocessing, optimiser or schedule."""
    edit_draft(lambda draft: draft.with_kind(section, kind))


def set_switch(section: str, on: bool) -> None:
    """Switch an optional section on or off; its values are kept."""
    edit_draft(lambda draft: draft.with_switch(section, on))


def set_labels(labels: str) -> None:
    """Set integer or one-hot labels."""
    edit_draft(lambda draft: draft.with_labels(labels))


def set_layer_field(layer_id: str, field: str, value: object) -> None:
    """Set a field of a layer."""
    edit_draft(lambda draft: draft.with_layer_field(layer_id, field, value))


def move_layer(layer_id: str, by: int) -> None:
    """Move a layer down by this many rows, or up if negative."""
    edit_draft(lambda draft: draft.with_layer_moved(layer_id, by))


def copy_layer(layer_id: str) -> None:
    """Insert a copy of a layer after it."""
    edit_draft(lambda draft: draft.with_layer_copied(layer_id))


def remove_layer(layer_id: str) -> None:
    """Remove a layer."""
    edit_draft(lambda draft: draft.without_layer(layer_id))


def add_new_layer(layer_type: str) -> None:
    """Add a layer where it fits, with its form open."""
    edit_draft(lambda draft: add_layer(draft, layer_type))
    memory = state.setup_memory()
    if memory.draft is not None:
        memory.open_layer = memory.draft.newest_layer


def add_layer_to_branch(block_id: str, branch: int, layer_type: str) -> None:
    """Add a layer at the end of a branch of a block, with its form open."""
    edit_draft(lambda draft: add_layer_inside(draft, block_id, branch, layer_type))
    memory = state.setup_memory()
    if memory.draft is not None:
        memory.open_layer = memory.draft.newest_layer


def add_branch(block_id: str) -> None:
    """Add a branch without layers to a block."""
    edit_draft(lambda draft: draft.with_branch_added(block_id))


def remove_branch(block_id: str, branch: int) -> None:
    """Remove a branch of a block with its layers."""
    edit_draft(lambda draft: draft.without_branch(block_id, branch))


def fit_block(block_id: str) -> None:
    """Replace the layers of a block's branch by one that makes the shapes fit."""
    edit_draft(lambda draft: fit_branch(draft, block_id))


def toggle_layer_form(layer_id: str) -> None:
    """Open or close the form of a layer; closing one inside a block leaves the block open."""
    memory = state.setup_memory()
    if memory.draft is None or (layer := memory.draft.find_layer(layer_id)) is None:
        return
    if any(inner.id == memory.open_layer for inner in layer.all_layers()):
        memory.open_layer = memory.draft.block_of(layer_id)
    else:
        memory.open_layer = layer_id


def edit_draft(change: Callable[[Draft], Draft]) -> None:
    """Replace the session's draft by ``change`` of it."""
    memory = state.setup_memory()
    if memory.draft is not None:
        memory.draft = change(memory.draft)


def with_available_data(draft: Draft) -> Draft:
    """Return ``draft`` with a variant of its data set that is on this machine."""
    data = draft.section("data")
    variant = available_variant(draft.dataset, data["variant"])
    if variant == data["variant"]:
        return draft
    return draft.with_value("data", {**data, "variant": variant})


def available_variant(dataset: str | DatasetInfo, wanted: Variant) -> Variant:
    """Return ``wanted`` if it is on this machine, else an available variant, if any."""
    here = library.available_variants(dataset, cache.settings())
    return here[0] if here and wanted not in here else wanted


def with_data_checked(draft: Draft, assessment: Assessment) -> Assessment:
    """Add a problem to ``assessment`` if the data set is not on this machine."""
    info = draft.dataset
    if library.available_variants(info, cache.settings()):
        return assessment
    problem = f"{info.title} is not on this machine. {library.fetch_hint(info)}"
    problems = {**assessment.problems, "data": problem}
    return replace(assessment, problems=problems, experiment=None, sizes=None)


def render_sample_notice(*, link: bool = True) -> None:
    """Show that the sample replaces the full set, with a link to get the latter."""
    st.caption("The full set is not on this machine yet, so the embedded sample is used.")
    if link:
        link_to_full_set()
