"""Two networks asked about the same images: where they differ, and whether that may be chance."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, accuracy
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only

CorrectNetwork = Literal["first", "second", "neither"]
"""Where two networks give different answers: who is right."""


@dataclass(frozen=True, eq=False)
class Disagreements:
    """Two networks' answers to the n images both were asked about; all arrays are read-only.

    ``labels`` int64 (n,); ``indices`` int64 (n,), the images' official ones; ``positions`` int64
    (n,), where they are among those of the first; ``first`` and ``second`` float32 (n, classes).
    """

    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    positions: NDArray[np.int64]
    first: NDArray[np.float32]
    second: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def said(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The classes that each found, int64 (n,)."""
        return predicted_classes(self.first), predicted_classes(self.second)

    @property
    def right(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where each is right, bool (n,)."""
        first, second = self.said
        return first == self.labels, second == self.labels

    @property
    def accuracies(self) -> tuple[float, float]:
        """Of both, over these images, 0 to 1."""
        first, second = self.said
        return accuracy(self.labels, first), accuracy(self.labels, second)

    @property
    def agreement(self) -> float:
        """Share of the images for which both give the same answer, right or wrong."""
        first, second = self.said
        return float(np.mean(first == second)) if len(self) else float("nan")

    @property
    def counts(self) -> NDArray[np.int64]:
        """Images by who is right: int64 (2, 2), rows the first (right, wrong), columns the second.

        ``[[both right, only the first], [only the second, both wrong]]``
        """
        first, second = self.right
        return np.array(
            [
                [(first & second).sum(), (first & ~second).sum()],
                [(~first & second).sum(), (~first & ~second).sum()],
            ],
            np.int64,
        )

    @property
    def chance(self) -> float:
        """McNemar's exact test, of the images that only one gets right; 1 if there are none.

        How probable a split at least as uneven is if both are equally good.
        """
        counts = self.counts
        return mcnemar_p_value(int(counts[0, 1]), int(counts[1, 0]))

    def where(self, side: CorrectNetwork) -> NDArray[np.int64]:
        """Places, of n, of the images with different answers where ``side`` is right.

        Those come first for which the two give the actual class the most different probabilities;
        where neither is right, those of which both are surest.
        """
        first, second = self.said
        one, other = self.right
        fate = {"first": one, "second": other, "neither": ~one & ~other}[side]
        found = np.flatnonzero((first != second) & fate)
        rows, labels = found, self.labels[found]
        if side == "neither":
            weight = self.first[rows].max(axis=1) + self.second[rows].max(axis=1)
        else:
            weight = np.abs(self.first[rows, labels] - self.second[rows, labels])
        return found[np.argsort(-weight, kind="stable")]


def compare_evaluations(first: Evaluation, second: Evaluation) -> Disagreements:
    """Bring together what two networks said of the images that both were asked about.

    Both evaluations are of images of one split of one data set; there may be no common one.
    Raises ``ValueError`` if they call the same image different things.
    """
    indices, here, there = np.intersect1d(
        first.indices, second.indices, assume_unique=True, return_indices=True
    )
    if not np.array_equal(first.labels[here], second.labels[there]):
        raise ValueError("the two evaluations are of different data sets: their labels differ")
    return read_only(
        Disagreements(
            labels=first.labels[here],
            indices=indices,
            positions=here.astype(np.int64),
            first=first.probabilities[here],
            second=second.probabilities[there],
        )
    )


def mcnemar_p_value(one: int, other: int) -> float:
    """How probable it is that a fair coin, thrown so often, falls at least as unevenly as this.

    Exact and two-sided, 0 to 1: McNemar's test, of the pairs that differ (McNemar, "Note on the
    sampling error of the difference between correlated proportions or percentages", 1947).
    """
    thrown, fewer = one + other, min(one, other)
    ways = tail = 1
    for heads in range(1, fewer + 1):
        ways = ways * (thrown - heads + 1) // heads
        tail += ways
    return min(1.0, 2 * tail / 2**thrown)
