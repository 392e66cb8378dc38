"""Shapes, parameters and problems of a draft's layers, and adding a layer."""

from collections.abc import Sequence
from dataclasses import replace

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Trace, trace
from cifarviz.experiment.draft import Draft, DraftLayer
from cifarviz.layers.base import Layer
from cifarviz.layers.registry import LAYER_TYPES


def trace_layers(draft: Draft) -> Trace:
    """Return one row per layer of the draft, as ``architecture.trace`` does.

    A layer with an invalid value has that problem, and shapes are unknown from there on.
    """
    specs, invalid = _specs(draft.layers)
    traced = trace(draft.image_shape, specs, draft.classes)
    rows, known = [], True
    for row, problem in zip(traced.rows, invalid, strict=True):
        known = known and problem is None
        if not known:
            # Computed with the defaults of the invalid layer, so its shapes mean nothing.
            row = replace(
                row,
                output_shape=None,
                parameters=0,
                trainable_parameters=0,
                operations=0,
                problem=problem or (row.problem if row.output_shape is not None else None),
            )
        rows.append(row)
    return Trace(tuple(rows), None if any(invalid) else traced.problem)


def add_layer(draft: Draft, layer_type: str) -> Draft:
    """Return ``draft`` with a new default layer, as far down as the network stays valid.

    If it fits nowhere it is added before the output layer, with its problem. In a network without
    an output layer, a dense layer becomes the output layer.
    """
    layer_class = LAYER_TYPES[layer_type]
    fields = layer_class().model_dump(mode="json")
    last = len(draft.layers)
    if draft.layers and LAYER_TYPES[draft.layers[-1].type].can_be_output:
        last -= 1
    elif layer_class.can_be_output:
        fields |= layer_class.output_fields(draft.classes)
    specs, _ = _specs(draft.layers)
    (new,), _ = _specs([DraftLayer("new", fields)])
    for position in range(last, -1, -1):
        if trace(draft.image_shape, [*specs[:position], new, *specs[position:]], draft.classes).ok:
            return draft.with_layer_added(position, fields)
    return draft.with_layer_added(last, fields)


def _specs(layers: Sequence[DraftLayer]) -> tuple[list[Layer], list[str | None]]:
    """Return the layers and their problems; an invalid layer gets its type's defaults."""
    specs: list[Layer] = []
    problems: list[str | None] = []
    for layer in layers:
        layer_class = LAYER_TYPES[layer.type]
        try:
            specs.append(layer_class.make(**layer.fields))
            problems.append(None)
        except ExperimentInvalid as error:
            specs.append(layer_class())
            problems.append(str(error))
    return specs, problems
