"""Drawing images at random, reproducibly by a seed.

The draws are those of NumPy's legacy generator, ``np.random.RandomState(seed).randint(n)``, as in
the published experiments, without repeated numbers. A larger count adds to the images of a
smaller count.
"""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from cifarviz.data.image_set import ImageSet

LARGEST_SEED = 2**32 - 1

Positions = npt.NDArray[np.int64]


def random_positions(n: int, count: int, seed: int) -> Positions:
    """Draw ``count`` different numbers of 0..n-1, at most n.

    ``seed``: 0..``LARGEST_SEED``. Meant for counts of hundreds.
    """
    wanted = min(count, n)
    if wanted < 1:
        return np.empty(0, np.int64)
    generator = np.random.RandomState(seed)
    drawn = generator.randint(n, size=wanted)
    while True:
        different, first = np.unique(drawn, return_index=True)
        if len(different) >= wanted:
            return drawn[np.sort(first)[:wanted]].astype(np.int64)
        drawn = np.concatenate([drawn, generator.randint(n, size=wanted)])


def random_images(
    images: ImageSet, count: int, seed: int, labels: Collection[int] = ()
) -> Positions:
    """Draw ``count`` positions of ``images``, of these ``labels`` only, or of all if empty."""
    if not labels:
        return random_positions(len(images), count, seed)
    pool = np.flatnonzero(np.isin(images.labels, list(labels)))
    return pool[random_positions(len(pool), count, seed)]


def stratified_positions(labels: npt.NDArray[np.integer], count: int, seed: int) -> Positions:
    """Draw ``count`` different positions, at most all, with classes as frequent as in ``labels``.

    int64, ascending. A larger count adds to the images of a smaller count; therefore a class that
    is larger than several others may be an image or two off its share of ``count``, and others
    have it rounded up or down.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    _, classes, sizes = np.unique(labels[order], return_inverse=True, return_counts=True)
    # Each image's place among those of its class, in the drawn order, as a share of them.
    by_class = np.argsort(classes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    shares = np.empty(len(labels))
    shares[by_class] = (np.arange(len(labels)) - starts[classes[by_class]] + 0.5) / sizes[
        classes[by_class]
    ]
    return np.sort(order[np.argsort(shares, kind="stable")[:count]]).astype(np.int64)
