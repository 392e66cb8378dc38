"""Random flips and shifts of a batch, inside the graph.

Random numbers are stateless: the seed of a run and the number of a step give the same
images again, also in a resumed run. Moving the pixels is compiled: TensorFlow's own operations
take up to forty times as long for it (docs/performance.md).
"""

import tensorflow as tf

from cifarviz.experiment.experiment import Augmentation


def augment(images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Flip and shift uint8 images (b, h, w, c) at random, each on its own.

    ``seed`` is an int32 tensor of two numbers. Shifts of up to ``augmentation.shift`` pixels
    each way mirror the border into what becomes free.
    """
    count = tf.shape(images)[0]
    if augmentation.flip:
        images = _flip(images, tf.random.stateless_uniform((count,), seed) < 0.5)
    if augmentation.shift:
        most = augmentation.shift
        offsets = tf.random.stateless_uniform((2, count), seed + 1, -most, most + 1, tf.int32)
        images = _shift(images, offsets)
    return images


@tf.function(jit_compile=True, autograph=False)
def _flip(images: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    return tf.where(chosen[:, None, None, None], images[:, :, ::-1], images)


@tf.function(jit_compile=True, autograph=False)
def _shift(images: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    rows = _mirrored(images.shape[1], offsets[0])
    columns = _mirrored(images.shape[2], offsets[1])
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def _mirrored(size: int, offsets: tf.Tensor) -> tf.Tensor:
    """Where each shifted row (or column) comes from: int32 (b, size)."""
    positions = tf.abs(tf.range(size)[None, :] + offsets[:, None])
    return tf.minimum(positions, 2 * (size - 1) - positions)
