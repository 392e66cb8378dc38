"""The layers of a Keras model in the order of calculation, with branches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from cifarviz.experiment.architecture import NamedLayer
from cifarviz.layers.base import Layer


@dataclass(frozen=True, eq=False)
class Node:
    """A layer of a network, and its Keras layers: several for a block that ends in an activation.

    The first of them takes the block's branches as a list of tensors.
    """

    name: str
    spec: Layer
    keras_layers: tuple[keras.Layer, ...]
    branches: "tuple[tuple[Node, ...], ...]" = ()

    @property
    def layer(self) -> keras.Layer:
        """The Keras layer that gives its output."""
        return self.keras_layers[-1]

    def all_nodes(self) -> "Iterator[Node]":
        """Yield the nodes inside it in the order of calculation, then itself."""
        for branch in self.branches:
            for node in branch:
                yield from node.all_nodes()
        yield self


OnOutput = Callable[[Node, tf.Tensor], tf.Tensor | None]


def make_nodes(model: keras.Model, layers: Iterable[NamedLayer]) -> tuple[Node, ...]:
    """Return a node for each of ``layers``, which ``model`` was built from."""
    return tuple(_make_node(model, named) for named in layers)


def _make_node(model: keras.Model, named: NamedLayer) -> Node:
    spec = named.layer
    names = spec.keras_names(named.name)
    branches = tuple(make_nodes(model, branch) for branch in named.branches)
    return Node(named.name, spec, tuple(map(model.get_layer, names)), branches)


def run(
    nodes: Sequence[Node],
    values: tf.Tensor,
    on_output: OnOutput | None = None,
) -> tf.Tensor:
    """Pass ``values`` through ``nodes`` as outside training; returns the last output.

    ``on_output`` is called with each layer's output, also of the layers in blocks, in the order of
    calculation; a tensor that it returns replaces the output.
    """
    for node in nodes:
        if node.branches:
            values = [run(branch, values, on_output) for branch in node.branches]
        for layer in node.keras_layers:
            values = layer(values, training=False)
        if on_output is not None:
            changed = on_output(node, values)
            values = values if changed is None else changed
    return values
