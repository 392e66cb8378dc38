"""Blocks: layers made of branches of other layers, side by side."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from cifarviz.layers.base import (
    CodeWriter,
    KerasBuilder,
    KerasPlace,
    Layer,
    LayerCode,
    Shape,
)
from cifarviz.layers.window import Span


class Block(Layer):
    """Base of blocks: each branch takes the block's input, and their outputs are merged.

    A type stores its branches in fields, returns them as ``branches``, and defines
    ``split_fields``, ``join_fields``, ``merged_shape``, ``keras_names``, ``keras_layers``,
    ``code_class`` and ``block_arguments``. A branch without layers passes its input on.
    """

    code_class: ClassVar[str]
    """The code of its class in an exported script, which is called ``keras_class``."""
    is_block: ClassVar[bool] = True

    # The layers inside

    def with_branches(self, branches: Sequence[Sequence[Layer]]) -> Self:
        """Return a copy with these layers in its branches."""
        plain = [[layer.model_dump(mode="json") for layer in branch] for branch in branches]
        own, _ = self.split_fields(self.model_dump(mode="json"))
        return self.make(**self.join_fields(own, plain))

    # Shapes

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the merged outputs of the branches; raises ``DoesNotFit``."""
        raise NotImplementedError

    def output_shape(self, shape: Shape) -> Shape:
        return self.merged_shape([_shape_after(branch, shape) for branch in self.branches])

    def span_before(self, span: Span, shape: Shape, axis: int) -> Span:
        spans = [_span_before(branch, span, shape, axis) for branch in self.branches]
        return min(first for first, _ in spans), max(last for _, last in spans)

    # Keras layers and exported code

    def keras_layers(self, place: KerasPlace) -> Sequence[Any]:
        """Return the Keras layers that merge the outputs of the branches, one after another."""
        raise NotImplementedError

    def build(self, values: Any, builder: KerasBuilder) -> Any:
        # The names of variables depend on this order: the block, then the layers inside it.
        place, outputs = builder.place(self), []
        for branch in self.branches:
            output = values
            for layer in branch:
                output = layer.build(output, builder)
            outputs.append(output)
        first, *others = self.keras_layers(place)
        merged = first(outputs)
        for layer in others:
            merged = layer(merged)
        return merged

    def code(self, writer: CodeWriter) -> LayerCode:
        writer.place(self).define(self.code_class)
        branches = [tuple(layer.code(writer) for layer in branch) for branch in self.branches]
        return writer.call(LayerCode(self.keras_class, tuple(self.block_arguments(branches))))

    def block_arguments(
        self, branches: Sequence[tuple[LayerCode, ...]]
    ) -> Sequence[str | tuple[LayerCode, ...]]:
        """Return the arguments of ``keras_class`` in exported code."""
        return branches


def replace_layers(layers: Sequence[Layer], new: Any) -> list[Layer]:
    """Return ``layers`` with ``new(layer)`` for each that is not a block, however deep.

    A layer for which it returns ``None`` is left out.
    """
    found: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Block):
            found.append(
                layer.with_branches([replace_layers(branch, new) for branch in layer.branches])
            )
        elif (other := new(layer)) is not None:
            found.append(other)
    return found


def _shape_after(branch: Sequence[Layer], shape: Shape) -> Shape:
    for layer in branch:
        shape = layer.output_shape(shape)
    return shape


def _span_before(branch: Sequence[Layer], span: Span, shape: Shape, axis: int) -> Span:
    shapes = [shape]
    for layer in branch:
        shapes.append(layer.output_shape(shapes[-1]))
    if any(len(each) != 3 for each in shapes):
        return 0, shape[axis] - 1
    for layer, incoming in reversed([*zip(branch, shapes, strict=False)]):
        span = layer.span_before(span, incoming, axis)
    return span
