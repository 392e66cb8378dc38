"""Images worth looking at: by how sure a network was of them, and by when it learned them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only


@dataclass(frozen=True, eq=False)
class Learning:
    """How each of n images fared over the epochs that were kept.

    ``learned`` int64 (n,): the first of these epochs from which on it was always right; 0 for one
    that was wrong after the last. ``forgotten`` int64 (n,): how often it went from right to wrong.
    """

    learned: NDArray[np.int64]
    forgotten: NDArray[np.int64]


def surest_mistakes(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Positions of the images that were taken for another class, the surest first."""
    wrong = np.flatnonzero(predicted_classes(probabilities) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def least_sure_hits(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Positions of the images that were recognised, the least sure first."""
    right = np.flatnonzero(predicted_classes(probabilities) == labels)
    return right[np.argsort(probabilities[right].max(axis=1), kind="stable")]


def learning(
    labels: NDArray[np.integer],
    epochs: Sequence[int],
    predicted: NDArray[np.integer],
) -> Learning:
    """Follow images through ``epochs``, ascending; ``predicted`` is (epochs, n).

    Raises ``ValueError`` unless there is one row an epoch, and at least one.
    """
    if not epochs or predicted.shape != (len(epochs), len(labels)):
        raise ValueError(f"{len(epochs)} epochs and predictions of shape {predicted.shape}")
    right = predicted == labels
    # From the end backwards, for as long as it was right.
    kept = np.cumprod(right[::-1], axis=0).sum(axis=0)
    first = np.asarray(epochs, np.int64)[np.minimum(len(epochs) - kept, len(epochs) - 1)]
    forgotten = (right[:-1] & ~right[1:]).sum(axis=0)
    return read_only(Learning(np.where(kept > 0, first, 0), forgotten.astype(np.int64)))
