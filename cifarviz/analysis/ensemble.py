"""Ensembles: soft voting and majority voting of several networks.

Soft voting adds the members' probabilities and predicts the class with the largest sum. Voting
networks go back to Hansen and Salamon, "Neural network ensembles", 1990.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import accuracy
from cifarviz.analysis.predictions import check_probabilities, predicted_classes
from cifarviz.analysis.read_only import read_only
from cifarviz.runs.log_probabilities import Predictions


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Predictions of the members and of their votes for n images; arrays are read-only.

    ``labels`` int64 (n,); ``indices`` int64 (n,), image numbers in the data set; ``predictions``
    of each member, and their ``probabilities`` float32 (members, n, classes); ``members``,
    ``soft`` and ``majority`` are predicted classes: int64 (members, n), (n,) and (n,).
    """

    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    predictions: tuple[Predictions, ...]
    probabilities: NDArray[np.float32]
    members: NDArray[np.int64]
    soft: NDArray[np.int64]
    majority: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def member_accuracies(self) -> tuple[float, ...]:
        """Accuracy of each member, 0 to 1."""
        return tuple(accuracy(self.labels, predicted) for predicted in self.members)

    @property
    def best_member(self) -> int:
        """The position of the most accurate member, the first of equals."""
        return self.member_accuracies.index(max(self.member_accuracies))

    @property
    def soft_accuracy(self) -> float:
        """Accuracy of soft voting, 0 to 1."""
        return accuracy(self.labels, self.soft)

    @property
    def majority_accuracy(self) -> float:
        """Accuracy of majority voting, 0 to 1."""
        return accuracy(self.labels, self.majority)

    @property
    def gain(self) -> float:
        """Accuracy of soft voting minus that of the best member, −1 to 1."""
        return self.soft_accuracy - max(self.member_accuracies)

    @property
    def mean_probabilities(self) -> NDArray[np.float32]:
        """Mean of the members' probabilities, float32 (n, classes)."""
        return self.probabilities.mean(axis=0, dtype=np.float64).astype(np.float32)

    def corrected(self, member: int | None = None) -> NDArray[np.int64]:
        """Positions of images that soft voting gets right and ``member`` (or any) gets wrong.

        Images that most members get wrong come first.
        """
        return self._positions(self.soft == self.labels, self.members != self.labels, member)

    def spoiled(self, member: int | None = None) -> NDArray[np.int64]:
        """Positions of images that soft voting gets wrong and ``member`` (or any) gets right.

        Images that most members get right come first.
        """
        return self._positions(self.soft != self.labels, self.members == self.labels, member)

    def _positions(
        self, ensemble: NDArray[np.bool_], differing: NDArray[np.bool_], member: int | None
    ) -> NDArray[np.int64]:
        chosen = differing if member is None else differing[member : member + 1]
        positions = np.flatnonzero(ensemble & chosen.any(axis=0))
        return positions[np.argsort(-differing[:, positions].sum(axis=0), kind="stable")]


def combine(
    predictions: Sequence[Predictions],
    labels: NDArray[np.integer],
    indices: NDArray[np.integer],
) -> Ensemble:
    """Combine the members' predictions for the same n images by soft and by majority voting.

    In a majority vote a tie goes to the class with the largest sum of probabilities. Raises
    ``ArtifactDamaged`` if a probability is not a number, and ``ValueError`` if the arrays do not
    fit together.
    """
    logs = [member.log_probabilities for member in predictions]
    same = all(log.shape == logs[0].shape for log in logs)
    if not same or not len(labels) == len(indices) == len(logs[0]):
        raise ValueError(
            f"members predict arrays of shapes {[log.shape for log in logs]} for {len(labels)} "
            f"labels and {len(indices)} indices"
        )
    for member in predictions:
        check_probabilities(member.probabilities)
    stacked = np.stack([member.probabilities for member in predictions])
    members = np.stack([predicted_classes(log) for log in logs])
    # In float64: in float32 the order of addition could decide a tie.
    sums = stacked.sum(axis=0, dtype=np.float64)
    votes = np.zeros(sums.shape)
    for predicted in members:
        votes[np.arange(len(predicted)), predicted] += 1
    leading = votes == votes.max(axis=1, keepdims=True)
    return read_only(
        Ensemble(
            labels=np.array(labels, np.int64),
            indices=np.array(indices, np.int64),
            predictions=tuple(predictions),
            probabilities=stacked,
            members=members,
            soft=predicted_classes(sums),
            majority=predicted_classes(np.where(leading, sums, -1.0)),
        )
    )
