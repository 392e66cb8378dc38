"""Wrong labels, added on purpose to show memorisation.

The wrong label of an image depends only on the seed and the image's index, not on the order or
split of the images. A larger share includes the images of a smaller share.
"""

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import ImageSet

# Separate random streams, with a value per index.
_ORDER_STREAM, _CLASS_STREAM = 2**32 - 2, 2**32 - 3


def with_wrong_labels(images: ImageSet, share: float, seed: int, classes: int) -> ImageSet:
    """Return ``images`` with this share (0..1) of wrong labels, rounded to whole images.

    A wrong label is any of the other ``classes`` with equal probability. Raises ``ValueError`` for
    a share above 0 with a single class.
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
    """Return how many of ``images`` images get a wrong label."""
    return round(share * images)


def wrong_label_order(indices: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the positions of these indices in the order in which their labels become wrong."""
    draws = _draws(indices, seed, _ORDER_STREAM)
    # The index breaks ties, so that the order of the images does not matter.
    return np.lexsort((indices, draws))


def _draws(indices: NDArray[np.int64], seed: int, stream: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each index: the value at that position of the stream."""
    if not len(indices):
        return np.empty(0)
    return np.random.default_rng([seed, stream]).random(int(indices.max()) + 1)[indices]
