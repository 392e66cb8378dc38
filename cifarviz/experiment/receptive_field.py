"""How much of the image one place of a layer's map can see: arithmetic, without TensorFlow."""

from dataclasses import dataclass

from cifarviz.experiment.architecture import Architecture


@dataclass(frozen=True)
class ReceptiveField:
    """A box of the image's pixels, counted from 0; the last row and column are in it."""

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
    """The pixels that the value at (row, column) of a layer's maps may depend on.

    What padding adds is not in it. For a layer without maps it is the whole image. Raises
    ``ValueError`` if there is no such layer, or its maps have no such place.
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
            f"The maps of {layer!r} have {shape[0]} rows and {shape[1]} columns, counted from 0; "
            f"({row}, {column}) is outside them."
        )
    spans = [(row, row), (column, column)]
    for index in range(number, -1, -1):
        before = shapes[index]
        assert before is not None  # a layer with maps has only such before it
        spans = [
            architecture.layers[index].span_before(span, before, axis)
            for axis, span in enumerate(spans)
        ]
    (top, bottom), (left, right) = spans
    return ReceptiveField(top, left, bottom, right)
