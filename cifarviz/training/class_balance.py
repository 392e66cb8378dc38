"""Let rare classes count as much as common ones: weights of the loss, or a resampled epoch."""

import numpy as np
import numpy.typing as npt

from cifarviz.datasets.arrays import Labels


def class_weights(labels: Labels, classes: int) -> npt.NDArray[np.float32]:
    """Return a weight for each class, (classes,), with a mean of 1 over all images.

    Each class that occurs weighs as much as any other in total: n / (classes · n of the class), as
    in scikit-learn's ``class_weight="balanced"``. A class without images has weight 0.
    """
    counts = np.bincount(labels, minlength=classes)
    shares = np.count_nonzero(counts) * counts
    weights = np.divide(len(labels), shares, out=np.zeros(classes), where=shares > 0)
    return weights.astype(np.float32)


def balanced_order(labels: Labels, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return as many positions in ``labels`` as there are, with each class equally often.

    Images of rare classes come several times, those of common classes not all; within a class no
    image comes twice more than another. Where the classes do not divide the images, classes drawn
    by ``rng`` get one image more.
    """
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    each, left = divmod(len(labels), len(members))
    more = rng.permutation(len(members)) < left
    drawn = [
        np.resize(rng.permutation(positions), each + extra)
        for positions, extra in zip(members, more, strict=True)
    ]
    return rng.permutation(np.concatenate(drawn))
