"""The receptive field of a value in a layer's map, computed without TensorFlow."""

from dataclasses import dataclass

from cifarviz.experiment.architecture import Architecture


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
    names = architecture.layer_names
    if layer not in names:
        raise ValueError(f"This network has no layer {layer!r}; it has {', '.join(names)}.")
    number = names.index(layer)
    shapes = [architecture.input_shape, *(each.output_shape for each in architecture.trace().rows)]
    shape = shapes[number + 1]
    height, width, _ = architecture.input_shape
    if shape is None or len(shape) != 3:
        return ReceptiveField(0, 0, height - 1, width - 1)
    if not (0 <= row < shape[0] and 0 <= column < shape[1]):
        raise ValueError(
            f"The maps of {layer!r} have {shape[0]} rows and {shape[1]} columns, counted from 0: "
            f"({row}, {column}) is outside."
        )
    spans = [(row, row), (column, column)]
    for index in range(number, -1, -1):
        before = shapes[index]
        assert before is not None  # only layers with maps come before a layer with maps
        spans = [
            architecture.layers[index].span_before(span, before, axis)
            for axis, span in enumerate(spans)
        ]
    (top, bottom), (left, right) = spans
    return ReceptiveField(top, left, bottom, right)
