"""Images worth looking at: by how sure a network was of them, and by when it learned them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only


@dataclass(frozen=True, eq=False)
class LearningProgress:
    """How each of n images fared over the ``epochs`` that were kept, int64 (e,), ascending.

    ``learned`` int64 (n,): the first of these epochs from which on it was always right; 0 for one
    that was wrong after the last, whatever came before. ``forgotten`` int64 (n,): how often it went
    from right to wrong. ``times_right`` int64 (n,): after how many of the epochs it was right.

    An image is always right, or in one of ``learned_late``, ``learned_and_forgotten`` and
    ``never_learned``.
    """

    epochs: NDArray[np.int64]
    learned: NDArray[np.int64]
    forgotten: NDArray[np.int64]
    times_right: NDArray[np.int64]

    @property
    def learned_late(self) -> NDArray[np.int64]:
        """Positions of those right after the last epoch, but not after all; the latest first."""
        late = np.flatnonzero((self.learned > 0) & (self.times_right < len(self.epochs)))
        return late[np.argsort(-self.learned[late], kind="stable")]

    @property
    def learned_and_forgotten(self) -> NDArray[np.int64]:
        """Positions of those right after some epoch, wrong after the last; the longest right first.

        Of those right after equally many epochs, those that were forgotten more often come first.
        """
        lost = np.flatnonzero((self.learned == 0) & (self.times_right > 0))
        return lost[np.lexsort((-self.forgotten[lost], -self.times_right[lost]))]

    @property
    def never_learned(self) -> NDArray[np.int64]:
        """Positions of those that were right after none of the epochs."""
        return np.flatnonzero(self.times_right == 0)


def most_confident_mistakes(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Positions of the images that were taken for another class, the surest first."""
    wrong = np.flatnonzero(predicted_classes(probabilities) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def least_confident_correct(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Positions of the images that were recognised, the least sure first."""
    right = np.flatnonzero(predicted_classes(probabilities) == labels)
    return right[np.argsort(probabilities[right].max(axis=1), kind="stable")]


def track_learning(
    labels: NDArray[np.integer],
    epochs: Sequence[int],
    predicted: NDArray[np.integer],
) -> LearningProgress:
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
    return read_only(
        LearningProgress(
            np.array(epochs, np.int64),
            np.where(kept > 0, first, 0),
            forgotten.astype(np.int64),
            right.sum(axis=0, dtype=np.int64),
        )
    )
