"""Mean and standard deviation of every channel of every layer, for a batch of images."""

from typing import Final

import tensorflow as tf

from cifarviz.network.graph import Node
from cifarviz.network.stateless import ForwardPass
from cifarviz.network.threads import split_batch

MAX_VECTOR: Final = 1024
"""A longer vector only repeats, without its places, the maps before it."""


def layer_statistics(forward: ForwardPass, batch: tf.Tensor, *, parts: int) -> list[tf.Tensor]:
    """The statistics of the scaled pixels and of each layer but the last, float32 (n, values).

    Of maps they are the mean and the standard deviation of each channel, (n, 2 · channels); a
    vector of at most ``MAX_VECTOR`` values is taken as it is. ``parts`` are computed side by side.
    """
    found = [_part_statistics(forward, part) for part in split_batch(batch, parts)]
    return [tf.concat(layer, 0) for layer in zip(*found, strict=True)]


def _part_statistics(forward: ForwardPass, batch: tf.Tensor) -> list[tf.Tensor]:
    outputs = [forward.inputs(batch)]

    def add(_node: Node, output: tf.Tensor) -> None:
        if len(output.shape) == 4 or output.shape[-1] <= MAX_VECTOR:
            outputs.append(tf.cast(output, tf.float32))

    forward.features(batch, add)
    return [_statistics(output) if len(output.shape) == 4 else output for output in outputs]


def _statistics(maps: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(maps, (1, 2))
    return tf.concat([mean, tf.sqrt(variance)], 1)
