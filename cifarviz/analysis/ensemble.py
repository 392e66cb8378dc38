"""Several networks asked together: soft voting, majority, and what either mends.

Soft voting adds the members' probabilities and takes the class with the largest sum (Hansen and
Salamon, "Neural network ensembles", 1990, for the idea of many networks voting).
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
    """The members' answers to the same n images, and their common one; arrays are read-only.

    ``labels`` int64 (n,); ``indices`` int64 (n,), the images' official ones; ``predictions`` of
    each member, and their ``probabilities`` float32 (members, n, classes); ``members``, ``soft``
    and ``majority`` are the classes found: int64 (members, n), (n,) and (n,).
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
        """One a member, 0 to 1."""
        return tuple(accuracy(self.labels, found) for found in self.members)

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
        """Accuracy of the majority of votes, 0 to 1."""
        return accuracy(self.labels, self.majority)

    @property
    def gain(self) -> float:
        """How much better soft voting is than the best member: a difference of accuracies."""
        return self.soft_accuracy - max(self.member_accuracies)

    @property
    def mean_probabilities(self) -> NDArray[np.float32]:
        """The sum of the members' probabilities as one distribution, float32 (n, classes)."""
        return self.probabilities.mean(axis=0, dtype=np.float64).astype(np.float32)

    def mended(self, member: int | None = None) -> NDArray[np.int64]:
        """Positions that soft voting gets right and a member, or any of them, gets wrong.

        Those that most members got wrong come first.
        """
        return self._positions(self.soft == self.labels, self.members != self.labels, member)

    def spoiled(self, member: int | None = None) -> NDArray[np.int64]:
        """Positions that soft voting gets wrong and a member, or any of them, gets right.

        Those that most members got right come first.
        """
        return self._positions(self.soft != self.labels, self.members == self.labels, member)

    def _positions(
        self, common: NDArray[np.bool_], differing: NDArray[np.bool_], member: int | None
    ) -> NDArray[np.int64]:
        chosen = differing if member is None else differing[member : member + 1]
        found = np.flatnonzero(common & chosen.any(axis=0))
        return found[np.argsort(-differing[:, found].sum(axis=0), kind="stable")]


def combine(
    predictions: Sequence[Predictions],
    labels: NDArray[np.integer],
    indices: NDArray[np.integer],
) -> Ensemble:
    """Let the members, each with predictions for the same n images, vote.

    In the majority each member has one vote; among classes with equally many, the one with the
    largest sum of probabilities wins. Raises ``ArtifactDamaged`` if a probability is not a
    number, and ``ValueError`` when the arrays do not fit together.
    """
    logs = [one.log_probabilities for one in predictions]
    wrong = [one.shape for one in logs if one.shape != logs[0].shape]
    if wrong or not len(labels) == len(indices) == len(logs[0]):
        raise ValueError("every member answers the same images, and each has a label and an index")
    for one in predictions:
        check_probabilities(one.probabilities)
    stacked = np.stack([one.probabilities for one in predictions])
    members = np.stack([predicted_classes(one) for one in logs])
    # In float64: of four float32 probabilities the order of adding could decide a tie.
    sums = stacked.sum(axis=0, dtype=np.float64)
    votes = np.zeros(sums.shape)
    for found in members:
        votes[np.arange(len(found)), found] += 1
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
