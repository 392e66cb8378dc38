"""Mean and standard deviation of every channel of every layer, for a batch of images."""

from typing import Final

import tensorflow as tf

from cifarviz.network.graph import Node
from cifarviz.network.stateless import ForwardPass
from cifarviz.network.threads import split_batch

MAX_VECTOR: Final = 1024
"""A longer vector only repeats, without its places, the maps before it."""


def layer_statistics(forward: ForwardPass, batch: tf.Tensor, *, parts: int) -> list[tf.Tensor]:
    """The statistics of the pixels and of each layer but the last, float32 (n, values) each.

    The first are ``neighbour_correlations``. Of the scaled pixels and of maps they are the mean and
    the standard deviation of each channel, (n, 2 · channels); a vector of at most ``MAX_VECTOR``
    values is taken as it is. ``parts`` are computed side by side.
    """
    found = [_part_statistics(forward, part) for part in split_batch(batch, parts)]
    return [tf.concat(layer, 0) for layer in zip(*found, strict=True)]


def _part_statistics(forward: ForwardPass, batch: tf.Tensor) -> list[tf.Tensor]:
    outputs = [forward.inputs(batch)]

    def add(_node: Node, output: tf.Tensor) -> None:
        if len(output.shape) == 4 or output.shape[-1] <= MAX_VECTOR:
            outputs.append(tf.cast(output, tf.float32))

    forward.features(batch, add)
    statistics = [_statistics(output) if len(output.shape) == 4 else output for output in outputs]
    return [neighbour_correlations(batch), *statistics]


def neighbour_correlations(images: tf.Tensor) -> tf.Tensor:
    """How alike neighbouring pixels are, from −1 to 1, float32 (n, 2 · channels) of raw images.

    The covariance of pixels with their neighbours in the row, then in the column, over the
    variance plus one squared grey level, so that a plain colour has 0. Noise has about 0, too; what
    a camera sees, and is scaled down, rarely less than 0.5.
    """
    pixels = tf.cast(images, tf.float32)
    deviations = pixels - tf.reduce_mean(pixels, (1, 2), keepdims=True)
    variance = tf.reduce_mean(deviations**2, (1, 2)) + 1.0
    in_rows = tf.reduce_mean(deviations[:, :, 1:] * deviations[:, :, :-1], (1, 2)) / variance
    in_columns = tf.reduce_mean(deviations[:, 1:] * deviations[:, :-1], (1, 2)) / variance
    return tf.concat([in_rows, in_columns], 1)


def _statistics(maps: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(maps, (1, 2))
    return tf.concat([mean, tf.sqrt(variance)], 1)
