"""Galleries: images sorted by a network's confidence, or by when it learned them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only


@dataclass(frozen=True, eq=False)
class LearningProgress:
    """When each of n images was classified correctly over ``epochs``, int64 (e,), ascending.

    ``learned`` int64 (n,): the first epoch from which on the image is always correct; 0 if it is
    wrong after the last. ``forgotten`` int64 (n,): how often it changed from correct to wrong.
    ``times_correct`` int64 (n,): the number of epochs after which it is correct.

    An image is correct after all epochs, or in exactly one of ``learned_late``,
    ``learned_and_forgotten`` and ``never_learned``.
    """

    epochs: NDArray[np.int64]
    learned: NDArray[np.int64]
    forgotten: NDArray[np.int64]
    times_correct: NDArray[np.int64]

    @property
    def learned_late(self) -> NDArray[np.int64]:
        """Positions of images correct after the last epoch but not after all; latest first."""
        late = np.flatnonzero((self.learned > 0) & (self.times_correct < len(self.epochs)))
        return late[np.argsort(-self.learned[late], kind="stable")]

    @property
    def learned_and_forgotten(self) -> NDArray[np.int64]:
        """Positions of images correct after some epoch but wrong after the last.

        Those correct after most epochs come first, then those forgotten most often.
        """
        lost = np.flatnonzero((self.learned == 0) & (self.times_correct > 0))
        return lost[np.lexsort((-self.forgotten[lost], -self.times_correct[lost]))]

    @property
    def never_learned(self) -> NDArray[np.int64]:
        """Positions of images that are wrong after all epochs."""
        return np.flatnonzero(self.times_correct == 0)


def most_confident_mistakes(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Positions of misclassified images, most confident first."""
    wrong = np.flatnonzero(predicted_classes(probabilities) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def least_confident_correct(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Positions of correctly classified images, least confident first."""
    correct = np.flatnonzero(predicted_classes(probabilities) == labels)
    return correct[np.argsort(probabilities[correct].max(axis=1), kind="stable")]


def track_learning(
    labels: NDArray[np.integer],
    epochs: Sequence[int],
    predicted: NDArray[np.integer],
) -> LearningProgress:
    """Track when images are learned over ``epochs``, ascending; ``predicted`` is (epochs, n).

    Raises ``ValueError`` unless there is a row for each epoch, and at least one epoch.
    """
    if not epochs or predicted.shape != (len(epochs), len(labels)):
        raise ValueError(f"{len(epochs)} epochs and predictions of shape {predicted.shape}")
    correct = predicted == labels
    # Number of epochs at the end after which an image is always correct.
    streak = np.cumprod(correct[::-1], axis=0).sum(axis=0)
    first = np.asarray(epochs, np.int64)[np.minimum(len(epochs) - streak, len(epochs) - 1)]
    forgotten = (correct[:-1] & ~correct[1:]).sum(axis=0)
    return read_only(
        LearningProgress(
            np.array(epochs, np.int64),
            np.where(streak > 0, first, 0),
            forgotten.astype(np.int64),
            correct.sum(axis=0, dtype=np.int64),
        )
    )
