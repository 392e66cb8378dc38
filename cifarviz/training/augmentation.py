"""Random flips and shifts of a batch, inside the graph.

Random numbers are stateless: the seed of a run and the number of a step give the same
images again, also in a resumed run.
"""

import tensorflow as tf

from cifarviz.experiment.experiment import Augmentation


def augment(images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Flip and shift uint8 images (b, h, w, c) at random, each on its own.

    ``seed`` is an int32 tensor of two numbers. Shifts of up to ``augmentation.shift`` pixels
    each way mirror the border into what becomes free.
    """
    if augmentation.flip:
        images = _flip(images, seed)
    if augmentation.shift:
        images = _shift(images, augmentation.shift, seed)
    return images


def _flip(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    draws = tf.random.stateless_uniform(tf.shape(images)[:1], seed)
    return tf.where(draws[:, None, None, None] < 0.5, images[:, :, ::-1], images)


def _shift(images: tf.Tensor, pixels: int, seed: tf.Tensor) -> tf.Tensor:
    shape = tf.shape(images)
    offsets = tf.random.stateless_uniform(
        (2, shape[0]), seed + 1, -pixels, pixels + 1, dtype=tf.int32
    )
    images = tf.gather(images, _mirrored(shape[1], offsets[0]), axis=1, batch_dims=1)
    return tf.gather(images, _mirrored(shape[2], offsets[1]), axis=2, batch_dims=1)


def _mirrored(size: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    """Where each shifted row (or column) comes from: int32 (b, size)."""
    positions = tf.abs(tf.range(size)[None, :] + offsets[:, None])
    return tf.minimum(positions, 2 * (size - 1) - positions)
