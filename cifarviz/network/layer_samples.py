"""Samples of a network's weights, gradients and activations, for histograms."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cifarviz.network.graph import Node
from cifarviz.network.stateless import ForwardPass

MAX_VALUES: Final = 16_384
"""Values of a layer that are taken at most, evenly spread over all of them."""


@dataclass(frozen=True, eq=False)
class LayerSample:
    """Some ``values`` of a layer, float32 (n,), and facts about all of them.

    ``low`` and ``high`` are the extremes, ``norm`` is the root of the sum of squares, and ``dead``
    the share of units with the same value for all images; a unit is a channel where there are maps.
    """

    name: str
    values: NDArray[np.float32]
    low: float
    high: float
    norm: float
    dead: float = 0.0


_Facts = tuple[tf.Tensor, ...]


def sample_weights(forward: ForwardPass) -> dict[str, _Facts]:
    """The facts of ``LayerSample`` by layer, of each layer's trained variables together."""
    return {
        node.name: _facts(_joined(variable.value for variable in variables))
        for node, variables in _trained(forward)
    }


def sample_gradients(
    forward: ForwardPass, images: tf.Tensor, labels: tf.Tensor
) -> dict[str, _Facts]:
    """The same of the gradient of the mean cross-entropy of raw images with integer labels.

    As when predicting: dropout is off, and batch normalisation uses its stored statistics.
    """
    trained = _trained(forward)
    values = [[variable.value for variable in variables] for _, variables in trained]
    with tf.GradientTape() as tape:
        tape.watch(values)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, forward.logits(images))
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return {
        node.name: _facts(_joined(own)) for (node, _), own in zip(trained, gradients, strict=True)
    }


def sample_activations(forward: ForwardPass, images: tf.Tensor) -> dict[str, _Facts]:
    """The same of the outputs for raw images, of layers with an activation or with weights.

    Other layers, such as pooling, put out a part of the values of the layer before them. The last
    layer is not among them.
    """
    found: dict[str, _Facts] = {}

    def watch(node: Node, output: tf.Tensor) -> None:
        has_weights = any(layer.trainable_variables for layer in node.keras_layers)
        if not (has_weights or hasattr(node.spec, "activation")):
            return
        places = tuple(range(len(output.shape) - 1))
        same = tf.reduce_max(output, places) == tf.reduce_min(output, places)
        found[node.name] = (
            *_facts(tf.reshape(output, (-1,))),
            tf.reduce_mean(tf.cast(same, tf.float32)),
        )

    forward.logits(images, watch)
    return found


def sample_layers(
    forward: ForwardPass, shown: tf.Tensor, images: tf.Tensor, labels: tf.Tensor
) -> dict[str, dict[str, _Facts]]:
    """All three by kind: activations for ``shown``, gradients of ``images`` with ``labels``."""
    return {
        "weights": sample_weights(forward),
        "gradients": sample_gradients(forward, images, labels),
        "activations": sample_activations(forward, shown),
    }


def to_samples(facts: dict[str, _Facts]) -> tuple[LayerSample, ...]:
    """The samples of what one of these functions returned, in the order of the layers."""
    return tuple(
        LayerSample(name, values.numpy(), *(float(number) for number in numbers))
        for name, (values, *numbers) in facts.items()
    )


def _trained(forward: ForwardPass) -> list[tuple[Node, list[keras.Variable]]]:
    found = []
    for node in (inner for outer in forward.nodes for inner in outer.all_nodes()):
        variables = [one for layer in node.keras_layers for one in layer.trainable_variables]
        if variables:
            found.append((node, variables))
    return found


def _joined(tensors: Iterable[tf.Tensor]) -> tf.Tensor:
    return tf.concat([tf.reshape(tensor, (-1,)) for tensor in tensors], 0)


def _facts(values: tf.Tensor) -> _Facts:
    size = tf.size(values, tf.int64)
    taken = tf.minimum(size, MAX_VALUES)
    # Steps that are no whole number, so that all channels are among them.
    places = tf.range(taken) * (size - 1) // tf.maximum(taken - 1, 1)
    return (
        tf.gather(values, places),
        tf.reduce_min(values),
        tf.reduce_max(values),
        tf.norm(values),
    )
