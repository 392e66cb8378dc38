"""Random changes to training images, in the graph of the training step and on their own.

All random numbers are stateless, from the seed of the run and the number of the step: a resumed run
sees the same images. Each change draws its own, so switching one on leaves the others as they were.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cifarviz.experiment.choices import Augmentation
from cifarviz.network import threads

# Examples are drawn before any network is built: the first operation starts TensorFlow's threads.
threads.start_threads()
# Numbers of the draws beside flip and shift. An exported program has the same.
_ROTATION, _ZOOM, _BRIGHTNESS, _CONTRAST, _SATURATION, _HUE, _CUTOUT = range(1, 8)
_MIXUP, _CUTMIX, _CUTMIX_CENTER, _MIXUP_OR_CUTMIX = range(8, 12)
# Of red, green and blue in grey (ITU-R BT.601).
_LUMA = (0.299, 0.587, 0.114)
# TensorFlow draws no smaller number than 1.2e-38 from a gamma distribution.
_TINY = 1e-37


class Mixture(NamedTuple):
    """Images of which each has a share, 0 to 1, of itself and the rest of the one before it.

    ``images`` are float32 (b, h, w, c), ``shares`` float32 (b,). The first is mixed with the last.
    """

    images: tf.Tensor
    shares: tf.Tensor


class AlternatingFlip:
    """Chooses the images to mirror: a random half in the first epoch, the others in the next."""

    def __init__(self, seed: int, images: int) -> None:
        # No step has the number 0, so nothing else draws with this seed.
        drawn = tf.random.stateless_uniform((images,), tf.constant([seed, 0], tf.int32))
        self._first = drawn < 0.5

    def __call__(self, positions: tf.Tensor, epoch: tf.Tensor) -> tf.Tensor:
        """Return whether the images at ``positions`` (b,) are mirrored in an epoch, from 0."""
        return tf.gather(self._first, positions) ^ tf.equal(epoch % 2, 1)


def augment(
    images: tf.Tensor,
    augmentation: Augmentation,
    seed: tf.Tensor,
    cover: npt.NDArray[np.float64] | None = None,
    mirrored: tf.Tensor | None = None,
) -> tf.Tensor:
    """Change uint8 images (b, h, w, c) at random, each on its own, all but mixing.

    ``seed`` is an int32 tensor of two numbers, of which the second is even; ``cover`` is the colour
    (c,) of cutout, the mean of all training images; ``mirrored``, bool (b,), are the images that
    alternating flip mirrors, those of ``AlternatingFlip``. Returns uint8 after flips and shift
    only, else float32 from 0 to 255.
    """
    count = tf.shape(images)[0]
    if augmentation.alternating_flip:
        if mirrored is None:
            raise ValueError("An alternating flip needs to know which images it mirrors.")
        images = _flip(images, mirrored)
    if augmentation.flip:
        images = _flip(images, tf.random.stateless_uniform((count,), seed) < 0.5)
    if augmentation.shift:
        most = augmentation.shift
        offsets = tf.random.stateless_uniform((2, count), seed + 1, -most, most + 1, tf.int32)
        images = _shift(images, offsets)
    if augmentation.rotation or augmentation.zoom:
        angle = math.radians(augmentation.rotation)
        angles = _uniform(seed, _ROTATION, count, -angle, angle)
        zooms = _uniform(seed, _ZOOM, count, 1 - augmentation.zoom, 1 + augmentation.zoom)
        images = rotate(images, angles, zooms)
    images = _change_colors(images, augmentation, seed, count)
    if augmentation.cutout:
        if cover is None:
            raise ValueError("Cutout needs a colour to cover with.")
        size = tf.constant([[images.shape[1]], [images.shape[2]]], tf.float32)
        centers = tf.cast(_uniforms(seed, _CUTOUT, (2, count)) * size, tf.int32)
        first = centers - augmentation.cutout // 2
        color = tf.constant(cover, tf.float32)
        images = cut_out(images, first, first + augmentation.cutout, color)
    return images


def mix(images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor) -> Mixture:
    """Mix each of the images (b, h, w, c) with the one before it, by mixup or CutMix.

    The order of a batch is random, so the one before is any other. With both, each image gets one
    of the two with equal chance.
    """
    count = tf.shape(images)[0]
    height, width = images.shape[1], images.shape[2]
    blend = tf.ones(count)
    # A rectangle without area changes nothing.
    top = bottom = left = right = tf.zeros((count,), tf.int32)
    if augmentation.mixup:
        blend = _beta(seed, _MIXUP, augmentation.mixup, count)
    if augmentation.cutmix:
        sides = tf.sqrt(1 - _beta(seed, _CUTMIX, augmentation.cutmix, count))
        centers = _uniforms(seed, _CUTMIX_CENTER, (2, count))
        top, bottom = _cut(centers[0], sides, height)
        left, right = _cut(centers[1], sides, width)
    if augmentation.mixup and augmentation.cutmix:
        is_mixup = _uniforms(seed, _MIXUP_OR_CUTMIX, (count,)) < 0.5
        blend = tf.where(is_mixup, blend, 1.0)
        bottom = tf.where(is_mixup, top, bottom)
    return mix_by(images, blend, tf.stack([top, bottom, left, right]))


def mixed_targets(labels: tf.Tensor, shares: tf.Tensor, classes: int) -> tf.Tensor:
    """Return the probability of each class, float32 (b, classes), of a mixture's images.

    ``labels`` (b,) are integers, ``shares`` those of ``Mixture``.
    """
    own = tf.one_hot(labels, classes)
    return shares[:, None] * own + (1 - shares)[:, None] * tf.roll(own, 1, 0)


# ---- What each change does, given its random numbers ------------------------------------------


@tf.function(jit_compile=True, autograph=False)
def _flip(images: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    return tf.where(chosen[:, None, None, None], images[:, :, ::-1], images)


@tf.function(jit_compile=True, autograph=False)
def _shift(images: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    rows = _mirrored(images.shape[1], offsets[0])
    columns = _mirrored(images.shape[2], offsets[1])
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def _mirrored(size: int, offsets: tf.Tensor) -> tf.Tensor:
    """Return the source of each shifted row (or column): int32 (b, size)."""
    positions = tf.abs(tf.range(size)[None, :] + offsets[:, None])
    return tf.minimum(positions, 2 * (size - 1) - positions)


@tf.function(jit_compile=True, autograph=False)
def rotate(images: tf.Tensor, angles: tf.Tensor, zooms: tf.Tensor) -> tf.Tensor:
    """Turn images anticlockwise by ``angles`` (b,), radians, and enlarge them ``zooms`` (b,) times.

    Both about the centre, interpolating linearly between four pixels; what is beyond the border is
    mirrored. Returns float32.
    """
    height, width, channels = images.shape[1:]
    x = tf.range(width, dtype=tf.float32)[None, None, :] - (width - 1) / 2
    y = tf.range(height, dtype=tf.float32)[None, :, None] - (height - 1) / 2
    cosine = (tf.cos(angles) / zooms)[:, None, None]
    sine = (tf.sin(angles) / zooms)[:, None, None]
    columns = cosine * x - sine * y + (width - 1) / 2
    rows = sine * x + cosine * y + (height - 1) / 2
    left, above = tf.floor(columns), tf.floor(rows)
    pixels = tf.reshape(images, (-1, height * width, channels))

    def pixels_at(down: int, along: int) -> tf.Tensor:
        row = _reflected(tf.cast(above, tf.int32) + down, height)
        column = _reflected(tf.cast(left, tf.int32) + along, width)
        found = tf.gather(pixels, row * width + column, batch_dims=1)
        return tf.cast(found, tf.float32)

    right, below = (columns - left)[..., None], (rows - above)[..., None]
    upper = pixels_at(0, 0) * (1 - right) + pixels_at(0, 1) * right
    lower = pixels_at(1, 0) * (1 - right) + pixels_at(1, 1) * right
    return upper * (1 - below) + lower * below


def _reflected(positions: tf.Tensor, size: int) -> tf.Tensor:
    """Return positions inside an image of rows or columns that are mirrored again and again."""
    period = max(2 * (size - 1), 1)
    positions = tf.abs(positions) % period
    return tf.minimum(positions, period - positions) if size > 1 else positions * 0


@tf.function(jit_compile=True, autograph=False)
def change_colors(
    images: tf.Tensor, contrasts: tf.Tensor, added: tf.Tensor, colors: tf.Tensor
) -> tf.Tensor:
    """Multiply distances from the image's mean, add a value, and map colours to others.

    ``contrasts`` and ``added`` are (b,); ``colors`` are matrices (b, c, c) that leave grey as it
    is. Returns float32, clipped to 0 to 255.
    """
    values = tf.cast(images, tf.float32)
    means = tf.reduce_mean(values, (1, 2, 3))
    matrices = contrasts[:, None, None] * colors
    offsets = (1 - contrasts) * means + added
    mapped = [
        values[..., channel : channel + 1] * matrices[:, None, None, :, channel]
        for channel in range(images.shape[3])
    ]
    return tf.clip_by_value(tf.add_n(mapped) + offsets[:, None, None, None], 0.0, 255.0)


def color_matrices(saturations: tf.Tensor, hues: tf.Tensor) -> tf.Tensor:
    """Return matrices (b, 3, 3) that change saturation by a factor, and turn hues by radians.

    Hues turn about the axis of greys; saturation moves colours from or to the grey of their luma.
    """
    cosine, sine = tf.cos(hues)[:, None, None], tf.sin(hues)[:, None, None]
    axis = tf.constant([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], tf.float32) / math.sqrt(3)
    turned = cosine * tf.eye(3) + (1 - cosine) / 3 + sine * axis
    factors = saturations[:, None, None]
    luma = tf.constant([_LUMA] * 3, tf.float32)
    # The matrix on the left is applied last.
    return tf.matmul(turned, factors * tf.eye(3) + (1 - factors) * luma)


def _change_colors(
    images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor, count: tf.Tensor
) -> tf.Tensor:
    added, contrast = augmentation.brightness, augmentation.contrast
    saturation, hue = augmentation.saturation, augmentation.hue
    if not (added or contrast or saturation or hue):
        return images
    contrasts = _uniform(seed, _CONTRAST, count, 1 - contrast, 1 + contrast)
    values = _uniform(seed, _BRIGHTNESS, count, -255 * added, 255 * added)
    channels = images.shape[3]
    colors = tf.eye(channels, batch_shape=(count,))
    if saturation or hue:
        most = math.radians(hue)
        colors = color_matrices(
            _uniform(seed, _SATURATION, count, 1 - saturation, 1 + saturation),
            _uniform(seed, _HUE, count, -most, most),
        )
    return change_colors(images, contrasts, values, colors)


@tf.function(jit_compile=True, autograph=False)
def cut_out(images: tf.Tensor, first: tf.Tensor, end: tf.Tensor, color: tf.Tensor) -> tf.Tensor:
    """Cover a rectangle of each image with a colour; only what is inside the image is covered.

    ``first`` and ``end`` are rows and columns, int32 (2, b). Returns float32.
    """
    return tf.where(_within(first, end, images), color, tf.cast(images, tf.float32))


def mix_by(images: tf.Tensor, blend: tf.Tensor, rectangles: tf.Tensor) -> Mixture:
    """Mix each image with the one before it: blended, then with a rectangle of it pasted in.

    ``blend`` (b,) is the share of the image itself, ``rectangles`` (4, b) are first and end row,
    first and end column. The shares of the mixture count both.
    """
    height, width = images.shape[1], images.shape[2]
    top, bottom, left, right = tf.unstack(rectangles)
    area = tf.cast((bottom - top) * (right - left), tf.float32) / (height * width)
    return Mixture(_mixed(images, blend, rectangles), blend * (1 - area))


@tf.function(jit_compile=True, autograph=False)
def _mixed(images: tf.Tensor, blend: tf.Tensor, rectangles: tf.Tensor) -> tf.Tensor:
    own = tf.cast(images, tf.float32)
    before = tf.roll(own, 1, 0)
    share = blend[:, None, None, None]
    first, end = rectangles[0::2], rectangles[1::2]
    return tf.where(_within(first, end, images), before, share * own + (1 - share) * before)


def _within(first: tf.Tensor, end: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Return which pixels, bool (b, h, w, 1), are in rectangles of rows and columns, (2, b)."""
    rows, columns = (
        (tf.range(images.shape[axis + 1])[None, :] >= first[axis][:, None])
        & (tf.range(images.shape[axis + 1])[None, :] < end[axis][:, None])
        for axis in range(2)
    )
    return (rows[:, :, None] & columns[:, None, :])[..., None]


# ---- Random numbers ---------------------------------------------------------------------------


def _uniforms(seed: tf.Tensor, number: int, shape: object) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, _seed_of(seed, number))


def _uniform(seed: tf.Tensor, number: int, count: tf.Tensor, low: float, high: float) -> tf.Tensor:
    return low + (high - low) * _uniforms(seed, number, (count,))


def _seed_of(seed: tf.Tensor, number: int) -> tf.Tensor:
    """Return the seed of a draw: negative, unlike those of flip and shift."""
    return tf.stack([seed[0], -8 * seed[1] - number])


def _beta(seed: tf.Tensor, number: int, alpha: float, count: tf.Tensor) -> tf.Tensor:
    """Draw from a beta distribution with both parameters ``alpha``: float32 (count,)."""
    first, second = tf.unstack(tf.random.stateless_gamma((2, count), _seed_of(seed, number), alpha))
    # With a small alpha both may be the smallest number of float32; then an image stays as it is.
    return tf.where(first + second > _TINY, first / (first + second), 1.0)


def _cut(centers: tf.Tensor, sides: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return first and end row (or column) of CutMix's rectangles, clipped to the image."""
    length = tf.cast(sides * size, tf.int32)
    first = tf.cast(centers * size, tf.int32) - length // 2
    return tf.maximum(first, 0), tf.minimum(first + length, size)
