"""The receptive field of a value in a layer's map, computed without TensorFlow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cifarviz.experiment.architecture import Architecture, NamedLayer


@dataclass(frozen=True)
class ReceptiveField:
    """A box of the image's pixels, counted from 0, including the last row and column."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top + 1

    @property
    def width(self) -> int:
        return self.right - self.left + 1


def receptive_field(
    architecture: Architecture, layer: str, row: int, column: int
) -> ReceptiveField:
    """Return the pixels that the value at (row, column) of a layer's maps can depend on.

    Padding is excluded. For a layer without maps it is the full image. Raises ``ValueError`` if
    there is no such layer, or no such row or column.
    """
    paths = {path[-1].name: path for path in _paths(architecture.named_layers, ())}
    if layer not in paths:
        raise ValueError(f"This network has no layer {layer!r}; it has {', '.join(paths)}.")
    rows = {row.name: row.output_shape for row in architecture.trace().all_rows}
    shape = rows[layer]
    height, width, _ = architecture.input_shape
    if shape is None or len(shape) != 3:
        return ReceptiveField(0, 0, height - 1, width - 1)
    if not (0 <= row < shape[0] and 0 <= column < shape[1]):
        raise ValueError(
            f"The maps of {layer!r} have {shape[0]} rows and {shape[1]} columns, counted from 0: "
            f"({row}, {column}) is outside."
        )
    incoming = {name: before for name, _, before in architecture.walk()}
    spans = [(row, row), (column, column)]
    for named in reversed(paths[layer]):
        before = incoming[named.name]
        if len(before) != 3:
            return ReceptiveField(0, 0, height - 1, width - 1)
        spans = [named.layer.span_before(span, before, axis) for axis, span in enumerate(spans)]
    (top, bottom), (left, right) = spans
    return ReceptiveField(top, left, bottom, right)


def _paths(
    layers: Sequence[NamedLayer], before: tuple[NamedLayer, ...]
) -> Iterator[tuple[NamedLayer, ...]]:
    """Yield for each layer those between the input and it, itself included."""
    for named in layers:
        for branch in named.branches:
            yield from _paths(branch, before)
        before = (*before, named)
        yield before
