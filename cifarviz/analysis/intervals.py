"""Confidence intervals of accuracies measured on a sample of images.

Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
American Statistical Association 22 (1927).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.read_only import read_only

# 95 % of a normal distribution lie within this many standard deviations.
_DEVIATIONS = 1.959964


@dataclass(frozen=True, eq=False)
class ClassIntervals:
    """95 % intervals of each class's scores: float64 (classes, 2), low and high, 0 to 1."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def accuracy_interval(accuracy: float, images: int) -> tuple[float, float]:
    """Wilson's 95 % interval of an accuracy measured on randomly drawn images.

    No images give (0, 1).
    """
    if not images:
        return 0.0, 1.0
    square = _DEVIATIONS**2 / images
    middle = (accuracy + square / 2) / (1 + square)
    spread = sqrt(accuracy * (1 - accuracy) / images + square / images / 4) * _DEVIATIONS
    spread /= 1 + square
    return max(middle - spread, 0.0), min(middle + spread, 1.0)


def class_intervals(confusion: NDArray[np.integer]) -> ClassIntervals:
    """The intervals of precision and recall from a confusion matrix, rows actual.

    Recall is a share of the class's images, precision of the images predicted as the class.
    """
    correct = confusion.diagonal()
    return read_only(
        ClassIntervals(
            precision=_intervals(correct, confusion.sum(axis=0)),
            recall=_intervals(correct, confusion.sum(axis=1)),
        )
    )


def _intervals(correct: NDArray[np.integer], total: NDArray[np.integer]) -> NDArray[np.float64]:
    shares = correct / np.maximum(total, 1)
    bounds = [accuracy_interval(float(s), int(n)) for s, n in zip(shares, total, strict=True)]
    return np.array(bounds, np.float64).reshape(-1, 2)
