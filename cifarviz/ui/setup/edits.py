"""What a person does in Setup, done to the session's draft.

Streamlit calls these before it runs the page, which therefore shows the draft as it is now.
"""

from collections.abc import Callable

from cifarviz.experiment.dataset_fitting import fit_draft
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.draft_layers import add_layer
from cifarviz.ui import state


def set_value(name: str, value: object) -> None:
    """Another single value, or another value of a field: ``"optimizer.learning_rate"``."""
    section, _, field = name.rpartition(".")
    if section:
        _edit(lambda draft: draft.with_value(section, {**draft.section(section), field: value}))
    else:
        _edit(lambda draft: draft.with_value(name, value))


def set_dataset(name: str) -> None:
    """Another data set, with the network fitted to its images and classes."""
    _edit(lambda draft: fit_draft(draft, name))


def set_kind(section: str, kind: str) -> None:
    """Another kind of validation, preprocessing, optimiser or schedule."""
    _edit(lambda draft: draft.with_kind(section, kind))


def set_switch(section: str, on: bool) -> None:
    """A section that may be missing, on or off; what was typed for it waits meanwhile."""
    _edit(lambda draft: draft.with_switch(section, on))


def set_labels(labels: str) -> None:
    """Integer or one-hot labels."""
    _edit(lambda draft: draft.with_labels(labels))


def set_layer_field(layer_id: str, field: str, value: object) -> None:
    """Another value of one field of one layer."""
    _edit(lambda draft: draft.with_layer_field(layer_id, field, value))


def move_layer(layer_id: str, by: int) -> None:
    """One layer so many rows further down, or up."""
    _edit(lambda draft: draft.with_layer_moved(layer_id, by))


def copy_layer(layer_id: str) -> None:
    """A copy of a layer after it."""
    _edit(lambda draft: draft.with_layer_copied(layer_id))


def remove_layer(layer_id: str) -> None:
    """One layer less."""
    _edit(lambda draft: draft.without_layer(layer_id))


def add_new_layer(layer_type: str) -> None:
    """A new layer where it fits, with its form open."""
    _edit(lambda draft: add_layer(draft, layer_type))
    memory = state.setup_memory()
    if memory.draft is not None:
        memory.open_layer = memory.draft.newest_layer


def open_layer(layer_id: str) -> None:
    """Open the form of a layer, or close it if it is open."""
    memory = state.setup_memory()
    memory.open_layer = None if memory.open_layer == layer_id else layer_id


def _edit(change: Callable[[Draft], Draft]) -> None:
    memory = state.setup_memory()
    if memory.draft is not None:
        memory.draft = change(memory.draft)
