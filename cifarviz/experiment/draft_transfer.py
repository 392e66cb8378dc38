"""Drafts whose first layers start with the weights of a run, and which of their layers freeze."""

from dataclasses import replace
from typing import Any

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.dataset_fitting import fit_draft
from cifarviz.experiment.draft import Draft, draft_from_fields
from cifarviz.experiment.draft_layers import trace_layers
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.transfer import Transfer, layers_before_head, transferred_variables

_REPLACED = "network before transfer"


def with_transfer(draft: Draft, run_id: str, source: Experiment) -> Draft:
    """Return ``draft`` with all layers before its head taken from a run, and frozen.

    ``source`` is the run's experiment. If its weights do not fit the draft's layers, the draft gets
    that run's network, fitted to its own data set, and its preprocessing; ``without_transfer``
    brings back what they replace.
    """
    if not _fits(draft, source):
        before = draft
        fields = source.model_dump(mode="json")
        adopted = draft_from_fields(
            draft.preset,
            {**draft.settings, "preprocessing": fields["preprocessing"]},
            fields["architecture"]["layers"],
            draft.generation,
        )
        # Ids of layers are never used twice.
        numbered = replace(draft, layers=())
        for layer in adopted.layers:
            numbered = numbered.with_layer_added(len(numbered.layers), layer.plain())
        draft = fit_draft(replace(numbered, settings=adopted.settings), draft.dataset)
        if has_foreign_network(before):
            kept = before.set_aside[_REPLACED]
        else:
            kept = {
                "layers": [layer.plain() for layer in before.layers],
                "preprocessing": before.section("preprocessing"),
            }
        draft = replace(draft, set_aside={**draft.set_aside, _REPLACED: kept})
    layers = layers_before_head(trace_layers(draft))
    transfer = Transfer(run=run_id, layers=max(layers, 1)).model_dump(mode="json")
    return with_frozen_layers(draft.with_value("transfer", transfer), layers)


def without_transfer(draft: Draft) -> Draft:
    """Return ``draft`` with random weights in all layers, none of them frozen.

    It has the network again that ``with_transfer`` replaced, if it did.
    """
    draft = draft.with_value("transfer", None)
    if not has_foreign_network(draft):
        return with_frozen_layers(draft, 0)
    aside = dict(draft.set_aside)
    kept = aside.pop(_REPLACED)
    restored = replace(draft, layers=(), set_aside=aside)
    for fields in kept["layers"]:
        restored = restored.with_layer_added(len(restored.layers), fields)
    return fit_draft(restored.with_value("preprocessing", kept["preprocessing"]), draft.dataset)


def has_foreign_network(draft: Draft) -> bool:
    """Whether ``with_transfer`` replaced the network by that of the run."""
    return _REPLACED in draft.set_aside


def with_frozen_layers(draft: Draft, count: int) -> Draft:
    """Return ``draft`` with the first ``count`` layers frozen, as far as they have weights."""
    for number, layer in enumerate(draft.layers):
        for inner in layer.all_layers():
            if "frozen" in inner.fields:
                draft = draft.with_layer_field(inner.id, "frozen", number < count)
    return draft


def freezable_layers(draft: Draft) -> tuple[int, ...]:
    """Return the numbers, from 1, of the layers that can be frozen, or hold some that can."""
    return tuple(number for number, states in _states(draft) if states)


def frozen_layers(draft: Draft) -> int | None:
    """Return up to which layer all are frozen that can be; ``None`` if others are frozen, too."""
    frozen = 0
    for number, states in _states(draft):
        if states == {True}:
            frozen = number
        elif True in states:
            return None
    before = {state for number, states in _states(draft) if number <= frozen for state in states}
    return frozen if before <= {True} else None


def _states(draft: Draft) -> list[tuple[int, set[bool]]]:
    """Return each layer's number, and whether it and the layers inside it are frozen."""
    return [
        (
            number,
            {inner.fields["frozen"] for inner in layer.all_layers() if "frozen" in inner.fields},
        )
        for number, layer in enumerate(draft.layers, 1)
    ]


def _fits(draft: Draft, source: Experiment) -> bool:
    try:
        network = _architecture(draft)
        layers = layers_before_head(network.trace())
        transferred_variables(source.architecture, network, layers, "")
    except ExperimentInvalid:
        return False
    return True


def _architecture(draft: Draft) -> Architecture:
    fields: dict[str, Any] = {
        "input_shape": draft.image_shape,
        "classes": draft.classes,
        "layers": [layer.plain() for layer in draft.layers],
    }
    return Architecture.make(**fields)
