"""Predictions of two networks for the same images: where they differ, and by how much."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, accuracy
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only

CorrectNetwork = Literal["first", "second", "neither"]
"""Which of two networks with different predictions is correct."""


@dataclass(frozen=True, eq=False)
class Disagreements:
    """Predictions of two networks for the n images both evaluated; all arrays are read-only.

    ``labels`` int64 (n,); ``indices`` int64 (n,), image numbers in the data set; ``positions``
    int64 (n,), the images' positions in the first evaluation; ``first`` and ``second`` float32
    (n, classes), probabilities.
    """

    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    positions: NDArray[np.int64]
    first: NDArray[np.float32]
    second: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def predicted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The classes that each network predicts, int64 (n,)."""
        return predicted_classes(self.first), predicted_classes(self.second)

    @property
    def correct(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where each network is correct, bool (n,)."""
        first, second = self.predicted
        return first == self.labels, second == self.labels

    @property
    def accuracies(self) -> tuple[float, float]:
        """Accuracy of each network on these images, 0 to 1."""
        first, second = self.predicted
        return accuracy(self.labels, first), accuracy(self.labels, second)

    @property
    def agreement(self) -> float:
        """Share of the images for which both predict the same class; NaN of no images."""
        first, second = self.predicted
        return float(np.mean(first == second)) if len(self) else float("nan")

    @property
    def counts(self) -> NDArray[np.int64]:
        """Images by which network is correct, int64 (2, 2).

        ``[[both correct, only the first], [only the second, neither]]``
        """
        first, second = self.correct
        return np.array(
            [
                [(first & second).sum(), (first & ~second).sum()],
                [(~first & second).sum(), (~first & ~second).sum()],
            ],
            np.int64,
        )

    @property
    def p_value(self) -> float:
        """McNemar's exact test on the images that only one network classifies correctly.

        The probability of a split at least as uneven if both are equally good; 1 of no images.
        """
        counts = self.counts
        return mcnemar_p_value(int(counts[0, 1]), int(counts[1, 0]))

    def where(self, side: CorrectNetwork) -> NDArray[np.int64]:
        """Positions, 0 to n − 1, of images with different predictions where ``side`` is correct.

        The largest difference in the actual class's probability comes first; where neither is
        correct, the highest confidence of both.
        """
        first, second = self.predicted
        first_correct, second_correct = self.correct
        chosen = {
            "first": first_correct,
            "second": second_correct,
            "neither": ~first_correct & ~second_correct,
        }[side]
        rows = np.flatnonzero((first != second) & chosen)
        labels = self.labels[rows]
        if side == "neither":
            weight = self.first[rows].max(axis=1) + self.second[rows].max(axis=1)
        else:
            weight = np.abs(self.first[rows, labels] - self.second[rows, labels])
        return rows[np.argsort(-weight, kind="stable")]


def compare_evaluations(first: Evaluation, second: Evaluation) -> Disagreements:
    """Compare two evaluations on the images that both contain, possibly none.

    Both are on the same split of the same data set. Raises ``ValueError`` if their labels for the
    same image differ.
    """
    indices, positions, second_positions = np.intersect1d(
        first.indices, second.indices, assume_unique=True, return_indices=True
    )
    if not np.array_equal(first.labels[positions], second.labels[second_positions]):
        raise ValueError("the two evaluations are of different data sets: their labels differ")
    return read_only(
        Disagreements(
            labels=first.labels[positions],
            indices=indices,
            positions=positions.astype(np.int64),
            first=first.probabilities[positions],
            second=second.probabilities[second_positions],
        )
    )


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """P-value of McNemar's exact two-sided test, 0 to 1.

    The probability that a fair coin, thrown for each image that only one network classifies
    correctly, falls at least as unevenly (McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages", 1947).
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    # Binomial coefficients one from another: thousands of math.comb would take seconds.
    ways = tail = 1
    for heads in range(1, fewer + 1):
        ways = ways * (total - heads + 1) // heads
        tail += ways
    return min(1.0, 2 * tail / 2**total)
