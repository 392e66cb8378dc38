"""Labels that are made wrong on purpose, to watch a network learn them by heart.

Which images, and which class instead, follows from the seed and the image's official index alone:
however the images are ordered or split, the same one gets the same wrong label, and a larger share
contains a smaller one.
"""

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import ImageSet

# Streams of random numbers of their own, one value an official index.
_TURN_STREAM, _CLASS_STREAM = 2**32 - 2, 2**32 - 3


def with_wrong_labels(images: ImageSet, share: float, seed: int, classes: int) -> ImageSet:
    """``images`` with this share (0..1) of the labels wrong, rounded to whole images.

    Each is one of the other ``classes``, all equally likely. Raises ``ValueError`` where a share
    above 0 is asked for and there is only one class.
    """
    count = count_wrong_labels(share, len(images))
    if count == 0:
        return images
    if classes < 2:
        raise ValueError("Wrong labels need at least two classes.")
    wrong = wrong_label_order(images.indices, seed)[:count]
    others = _draws(images.indices[wrong], seed, _CLASS_STREAM)
    labels = images.labels.copy()
    steps = 1 + (others * (classes - 1)).astype(np.int64)
    labels[wrong] = (labels[wrong] + steps) % classes
    return ImageSet(images.images, labels, images.indices)


def count_wrong_labels(share: float, images: int) -> int:
    """How many of so many images get a wrong label."""
    return round(share * images)


def wrong_label_order(indices: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Positions of the images with these official indices, in the order they are made wrong."""
    draws = _draws(indices, seed, _TURN_STREAM)
    # The index settles a draw, so that the order of the images never does.
    return np.lexsort((indices, draws))


def _draws(indices: NDArray[np.int64], seed: int, stream: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each official index: the one at that place of the stream."""
    if not len(indices):
        return np.empty(0)
    return np.random.default_rng([seed, stream]).random(int(indices.max()) + 1)[indices]
