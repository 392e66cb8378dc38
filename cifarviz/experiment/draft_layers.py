"""Shapes, parameters and problems of a draft's layers, and adding a layer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import LayerRow, Trace, trace
from cifarviz.experiment.draft import Draft, DraftLayer
from cifarviz.layers.base import Fields, Layer, Shape
from cifarviz.layers.registry import LAYER_TYPES


def trace_layers(draft: Draft) -> Trace:
    """Return one row per layer of the draft, as ``architecture.trace`` does.

    A layer with an invalid value has that problem, and shapes are unknown from there on.
    """
    problems: dict[str, str] = {}
    specs = [_spec(layer, problems) for layer in draft.layers]
    traced = trace(draft.image_shape, specs, draft.classes)
    rows, _ = _rows_with_problems(traced.rows, draft.layers, problems, known=True)
    return Trace(rows, None if problems else traced.problem)


def _rows_with_problems(
    rows: Sequence[LayerRow],
    layers: Sequence[DraftLayer],
    problems: Mapping[str, str],
    *,
    known: bool,
) -> tuple[tuple[LayerRow, ...], bool]:
    """Return ``rows`` with the ``problems`` by layer, and whether the shapes are still known."""
    found = []
    for row, layer in zip(rows, layers, strict=True):
        pairs = [
            _rows_with_problems(branch, inside, problems, known=known)
            for branch, inside in zip(row.branches, layer.branches, strict=True)
        ]
        problem = problems.get(layer.id)
        known = known and problem is None and all(inside_known for _, inside_known in pairs)
        row = replace(row, branches=tuple(branch for branch, _ in pairs))
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
        found.append(row)
    return tuple(found), known


def add_layer(draft: Draft, layer_type: str) -> Draft:
    """Return ``draft`` with a new default layer, as far down as the network stays valid.

    If it fits nowhere it is added before the output layer, with its problem. In a network without
    an output layer, a dense layer becomes the output layer.
    """
    layer_class = LAYER_TYPES[layer_type]
    last = len(draft.layers)
    more: Fields = {}
    if draft.layers and LAYER_TYPES[draft.layers[-1].type].can_be_output:
        last -= 1
    elif layer_class.can_be_output:
        more = layer_class.output_fields(draft.classes)
    specs = [_spec(layer, {}) for layer in draft.layers]
    rows = trace_layers(draft).rows
    shapes = [draft.image_shape, *(row.output_shape for row in rows)]
    for position in range(last, -1, -1):
        shape = shapes[position]
        if shape is None:
            continue
        fields = {**layer_class.fields_for(shape), **more}
        new = layer_class.make(**fields)
        if trace(draft.image_shape, [*specs[:position], new, *specs[position:]], draft.classes).ok:
            return draft.with_layer_added(position, fields)
    fields = {**layer_class.fields_for(shapes[last] or draft.image_shape), **more}
    return draft.with_layer_added(last, fields)


def add_layer_inside(draft: Draft, block_id: str, branch: int, layer_type: str) -> Draft:
    """Return ``draft`` with a new default layer at the end of a branch of a block."""
    layer_class = LAYER_TYPES[layer_type]
    shape = _shapes_inside(draft, block_id)[branch] or draft.image_shape
    return draft.with_layer_inside(block_id, branch, layer_class.fields_for(shape))


def fit_branch(draft: Draft, block_id: str) -> Draft:
    """Return ``draft`` with the layers of a block's branch replaced by one that fits.

    Unchanged if ``fitting_branch`` finds none.
    """
    fitting = fitting_branch(draft, block_id)
    block = draft.find_layer(block_id)
    if fitting is None or block is None:
        return draft
    number, new = fitting
    for layer in block.branches[number]:
        draft = draft.without_layer(layer.id)
    return draft.with_layer_inside(block_id, number, new.model_dump(mode="json"))


def fitting_branch(draft: Draft, block_id: str) -> tuple[int, Layer] | None:
    """Return a branch and the layer that a block of differing shapes needs there, if any."""
    block, row, shape = _find_row(draft, block_id)
    if block is None or row is None or shape is None or row.output_shape is not None:
        return None
    problems: dict[str, str] = {}
    spec = _spec(block, problems)
    return None if problems else spec.fitting_branch(shape)


def _shapes_inside(draft: Draft, block_id: str) -> list[Shape | None]:
    """Return the shape at the end of each branch of a block; ``None`` if unknown."""
    _, row, shape = _find_row(draft, block_id)
    if row is None:
        return []
    return [branch[-1].output_shape if branch else shape for branch in row.branches]


def _find_row(
    draft: Draft, layer_id: str
) -> tuple[DraftLayer | None, LayerRow | None, Shape | None]:
    """Return a layer, its row, and the shape of its input if known."""

    def search(
        layers: Sequence[DraftLayer], rows: Sequence[LayerRow], shape: Shape | None
    ) -> tuple[DraftLayer | None, LayerRow | None, Shape | None]:
        for layer, row in zip(layers, rows, strict=True):
            if layer.id == layer_id:
                return layer, row, shape
            for inside, inner_rows in zip(layer.branches, row.branches, strict=True):
                found = search(inside, inner_rows, shape)
                if found[0] is not None:
                    return found
            shape = row.output_shape
        return None, None, None

    return search(draft.layers, trace_layers(draft).rows, draft.image_shape)


def _spec(layer: DraftLayer, problems: dict[str, str]) -> Layer:
    """Return the layer; an invalid one gets its type's defaults and is added to ``problems``."""
    layer_class = LAYER_TYPES[layer.type]
    inside = [[_spec(inner, problems) for inner in branch] for branch in layer.branches]
    plain = [[inner.model_dump(mode="json") for inner in branch] for branch in inside]
    try:
        return layer_class.make(**layer_class.join_fields(layer.fields, plain))
    except ExperimentInvalid as error:
        problems[layer.id] = str(error)
        return layer_class.make(**layer_class.join_fields({"type": layer.type}, plain))
