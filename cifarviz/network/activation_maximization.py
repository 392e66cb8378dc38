"""An image that excites a channel or a class most, by gradient ascent on its pixels.

After Erhan et al., “Visualizing higher-layer features of a deep network” (2009); regularised by
L2 decay and blurring as in Yosinski et al., arXiv 1506.06579, and by shifting the image at random
before each step as in Mordvintsev et al., “Inceptionism” (2015).
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cifarviz.network.graph import Node
from cifarviz.network.stateless import ForwardPass

# Root mean square of a step, in grey levels: the first and the last.
_FIRST_STEP, _LAST_STEP = 24.0, 2.0
# Share that each step takes the image back towards its mean colour.
_DECAY = 0.01
# Share of the blurred image in the image after the first step; 0 after the last.
_BLUR = 0.25
# Pixels by which the image is shifted at most, by the length of its side.
_JITTER_SHARE = 8


def activation(
    forward: ForwardPass, pixels: tf.Tensor, channel: tf.Tensor, *, layer: str
) -> tf.Tensor:
    """The mean of a channel's map, or a unit's value: float32 (n,) for pixels from 0 to 255.

    Of the last layer it is the score of a class, the input of the softmax.
    """
    return _map_reduced(forward, pixels, channel, layer, tf.reduce_mean)


def peak_activation(
    forward: ForwardPass, pixels: tf.Tensor, channel: tf.Tensor, *, layer: str
) -> tf.Tensor:
    """The highest value of a channel's map instead of the mean, float32 (n,)."""
    return _map_reduced(forward, pixels, channel, layer, tf.reduce_max)


def activation_gradient(
    forward: ForwardPass, pixels: tf.Tensor, channel: tf.Tensor, *, layer: str
) -> tf.Tensor:
    """The gradient of ``activation`` with respect to ``pixels``, float32 (n, h, w, c)."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        values = activation(forward, pixels, channel, layer=layer)
    return tape.gradient(values, pixels)


def maximize_activation(
    forward: ForwardPass,
    starts: tf.Tensor,
    channel: tf.Tensor,
    seed: tf.Tensor,
    *,
    layer: str,
    steps: int,
) -> tf.Tensor:
    """Ascend from the one of ``starts`` with the highest ``activation``: float32 (1, h, w, c).

    ``starts`` float32 (n, h, w, c) from 0 to 255, like the result; ``seed`` int32 (2,).
    """
    best = tf.argmax(activation(forward, starts, channel, layer=layer))
    start = starts[best][tf.newaxis]
    _, height, width, channels = starts.shape
    middle = tf.reduce_mean(start, axis=(1, 2), keepdims=True)
    most = max(1, min(height, width) // _JITTER_SHARE)
    offsets = tf.random.stateless_uniform((steps, 2), seed, -most, most + 1, tf.int32)

    def ascend(step: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        done = tf.cast(step, tf.float32) / max(steps - 1, 1)
        shifted = tf.roll(image, offsets[step], (1, 2))
        gradient = activation_gradient(forward, shifted, channel, layer=layer)
        gradient = tf.roll(gradient, -offsets[step], (1, 2))
        size = tf.sqrt(tf.reduce_mean(tf.square(gradient)))
        rate = _FIRST_STEP * (_LAST_STEP / _FIRST_STEP) ** done
        image = image + rate * tf.math.divide_no_nan(gradient, size)
        image = middle + (1 - _DECAY) * (image - middle)
        blur = _BLUR * (1 - done)
        image = (1 - blur) * image + blur * _blurred(image, channels)
        return step + 1, tf.clip_by_value(image, 0, 255)

    return tf.while_loop(lambda step, _: step < steps, ascend, (tf.constant(0), start))[1]


def _map_reduced(
    forward: ForwardPass,
    pixels: tf.Tensor,
    channel: tf.Tensor,
    layer: str,
    reduce: Callable[..., tf.Tensor],
) -> tf.Tensor:
    found: list[tf.Tensor] = []

    def watch(node: Node, output: tf.Tensor) -> None:
        if node.name == layer:
            found.append(output)

    logits = forward.logits(pixels, watch)
    values = (found[0] if found else logits)[..., channel]
    return reduce(values, axis=(1, 2)) if len(values.shape) == 3 else values


def _blurred(image: tf.Tensor, channels: int) -> tf.Tensor:
    weights = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    kernel = tf.constant(np.repeat(weights[:, :, np.newaxis, np.newaxis], channels, axis=2))
    # Repeats the pixels at the edge, which would become black otherwise.
    padded = tf.concat([image[:, :1], image, image[:, -1:]], 1)
    padded = tf.concat([padded[:, :, :1], padded, padded[:, :, -1:]], 2)
    return tf.nn.depthwise_conv2d(padded, kernel, (1, 1, 1, 1), "VALID")
