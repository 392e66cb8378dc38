"""How sure a network is, against how often it is right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only
from cifarviz.loading import HEAVY_IMPORTS

BINS = 15
"""As many as Guo et al. take."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Images by how sure the network was of its answer, in bins of equal width from 0 to 1.

    ``counts`` int64 (bins,) images; ``confidence`` and ``accuracy`` float64 (bins,), their means,
    NaN in an empty bin. ``error``: the expected calibration error, 0 to 1 (Guo et al., arXiv
    1706.04599): the mean distance of the two, each bin counted by its images.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float


def compute_calibration(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating], bins: int = BINS
) -> Calibration:
    """Compare the highest probability of each image, of (n, classes), with whether it was right.

    A confidence on the edge of two bins belongs to the lower one. Raises ``ValueError`` for no
    images.
    """
    if not len(labels):
        raise ValueError("a calibration needs at least one image")
    sure = probabilities.max(axis=1).astype(np.float64)
    right = predicted_classes(probabilities) == labels
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, sure, bins) / counts
        accuracy = np.bincount(place, right, bins) / counts
    gaps = np.abs(confidence - accuracy)[counts > 0]
    error = float((gaps * counts[counts > 0]).sum() / len(labels))
    return read_only(Calibration(counts, confidence, accuracy, error))


def top_accuracy(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating], first: int
) -> float:
    """Share of the images whose class is among the ``first`` most probable ones."""
    with HEAVY_IMPORTS:
        from sklearn.metrics import top_k_accuracy_score

    classes = np.arange(probabilities.shape[1])
    return float(top_k_accuracy_score(labels, probabilities, k=first, labels=classes))
