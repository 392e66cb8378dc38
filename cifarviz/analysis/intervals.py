"""How far a share that was measured on some images may be from that of all images of the kind.

Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
American Statistical Association 22 (1927).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.read_only import read_only

# Of the normal distribution: 95 % lie within so many deviations.
_DEVIATIONS = 1.959964


@dataclass(frozen=True, eq=False)
class ClassIntervals:
    """The 95 % interval of each class's scores: float64 (classes, 2), low and high, 0 to 1."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def accuracy_interval(accuracy: float, images: int) -> tuple[float, float]:
    """Where the accuracy over all images of the kind lies, with 95 % confidence.

    Wilson's interval for a share found in so many images drawn at random; none give (0, 1).
    """
    if not images:
        return 0.0, 1.0
    square = _DEVIATIONS**2 / images
    middle = (accuracy + square / 2) / (1 + square)
    spread = sqrt(accuracy * (1 - accuracy) / images + square / images / 4) * _DEVIATIONS
    spread /= 1 + square
    return max(middle - spread, 0.0), min(middle + spread, 1.0)


def class_intervals(confusion: NDArray[np.integer]) -> ClassIntervals:
    """The intervals of precision and recall, off a confusion matrix, rows actual.

    A recall is a share of its class's images, a precision one of the images taken for the class.
    """
    right = confusion.diagonal()
    return read_only(
        ClassIntervals(
            precision=_intervals(right, confusion.sum(axis=0)),
            recall=_intervals(right, confusion.sum(axis=1)),
        )
    )


def _intervals(right: NDArray[np.integer], of: NDArray[np.integer]) -> NDArray[np.float64]:
    shares = right / np.maximum(of, 1)
    found = [accuracy_interval(float(s), int(n)) for s, n in zip(shares, of, strict=True)]
    return np.array(found, np.float64).reshape(-1, 2)
