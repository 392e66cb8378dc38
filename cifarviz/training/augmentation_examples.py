"""Images as training would change them, drawn by the functions of the training step."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cifarviz.experiment.choices import Augmentation
from cifarviz.training.augmentation import AlternatingFlip, augment, mix


@dataclass(frozen=True, eq=False)
class AugmentationExamples:
    """Changed versions of n images.

    ``images`` are uint8 (times, n, h, w, c). ``shares`` (times, n), 0 to 1, is the share of the
    image itself, and ``partners`` (times, n) the position of the image that it is mixed with.
    """

    images: npt.NDArray[np.uint8]
    shares: npt.NDArray[np.float32]
    partners: npt.NDArray[np.int64]


def make_examples(
    images: npt.NDArray[np.uint8],
    augmentation: Augmentation,
    cover: npt.NDArray[np.float64] | None,
    *,
    seed: int,
    times: int,
) -> AugmentationExamples:
    """Change each of the images (n, h, w, c), n > 0, so many times, as one batch in random order.

    ``cover`` is the colour of cutout; a seed gives the same examples again.
    """
    count = len(images)
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(count) for _ in range(times)])
    # Where each image is in the batch, version by version.
    places = np.argsort(order.reshape(times, count), axis=1) + count * np.arange(times)[:, None]
    seeds = tf.constant([seed, 2], tf.int32)
    # Each version is another epoch.
    epochs = np.repeat(np.arange(times, dtype=np.int32), count)
    mirrored = AlternatingFlip(seed, count)(order, epochs)
    changed = augment(tf.constant(images[order]), augmentation, seeds, cover, mirrored)
    shares = np.ones(len(order), np.float32)
    if augmentation.mixes_labels:
        mixture = mix(changed, augmentation, seeds)
        changed, shares = mixture.images, mixture.shares.numpy()
    pixels = np.rint(np.clip(changed.numpy(), 0, 255)).astype(np.uint8)
    return AugmentationExamples(pixels[places], shares[places], np.roll(order, 1)[places])
