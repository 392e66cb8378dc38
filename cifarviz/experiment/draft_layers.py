"""The layers of a draft followed as far as they make sense."""

from collections.abc import Sequence
from dataclasses import replace

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Trace, trace
from cifarviz.experiment.draft import Draft, DraftLayer
from cifarviz.layers.base import Layer
from cifarviz.layers.registry import LAYER_TYPES


def trace_layers(draft: Draft) -> Trace:
    """One row a layer of the draft, as ``architecture.trace`` does.

    A layer with a wrong value has that as its problem, and shapes are unknown from there on.
    """
    specs, wrong = _specs(draft.layers)
    followed = trace(draft.image_shape, specs, draft.classes)
    rows, known = [], True
    for row, problem in zip(followed.rows, wrong, strict=True):
        known = known and problem is None
        if known:
            rows.append(row)
            continue
        # What a stand-in would do to shapes says nothing about the layer that was meant.
        said = problem or (row.problem if row.output_shape is not None else None)
        blank = replace(row, output_shape=None, parameters=0, trainable_parameters=0, operations=0)
        rows.append(replace(blank, problem=said))
    whole = followed.problem if not any(wrong) else None
    return Trace(tuple(rows), whole)


def add_layer(draft: Draft, layer_type: str) -> Draft:
    """A new layer with its defaults, as far down as the network still works with it.

    Where it fits nowhere it comes before the output layer, and its row will say why. A dense
    layer where there is no output layer becomes the output layer.
    """
    made = LAYER_TYPES[layer_type]
    fields = made().model_dump(mode="json")
    last = len(draft.layers)
    if draft.layers and LAYER_TYPES[draft.layers[-1].type].can_be_output:
        last -= 1
    elif made.can_be_output:
        fields |= made.output_fields(draft.classes)
    specs, _ = _specs(draft.layers)
    (new,), _ = _specs([DraftLayer("new", fields)])
    for position in range(last, -1, -1):
        if trace(draft.image_shape, [*specs[:position], new, *specs[position:]], draft.classes).ok:
            return draft.with_layer_added(position, fields)
    return draft.with_layer_added(last, fields)


def _specs(layers: Sequence[DraftLayer]) -> tuple[list[Layer], list[str | None]]:
    """Each layer as a spec, and what is wrong with it; a wrong one has its type's defaults."""
    specs: list[Layer] = []
    wrong: list[str | None] = []
    for layer in layers:
        made = LAYER_TYPES[layer.type]
        try:
            specs.append(made.make(**layer.fields))
            wrong.append(None)
        except ExperimentInvalid as error:
            specs.append(made())
            wrong.append(str(error))
    return specs, wrong
