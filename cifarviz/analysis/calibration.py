"""Calibration: a network's confidence against its accuracy; and top-k accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only
from cifarviz.loading import HEAVY_IMPORTS

BINS = 15
"""Number of bins, as in Guo et al."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Images in bins of equal width, 0 to 1, by the confidence of their predictions.

    ``counts`` int64 (bins,), numbers of images; ``confidence`` and ``accuracy`` float64 (bins,),
    their means, NaN in an empty bin. ``error``: the expected calibration error, 0 to 1 (Guo et
    al., arXiv 1706.04599), the mean difference of both, weighted by the bins' images.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float


def compute_calibration(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating], bins: int = BINS
) -> Calibration:
    """Compare confidence and accuracy of predictions; ``probabilities`` are (n, classes).

    Confidence is the highest probability of an image. One on the edge of two bins belongs to the
    lower bin. Raises ``ValueError`` for no images.
    """
    if not len(labels):
        raise ValueError("a calibration needs at least one image")
    confidences = probabilities.max(axis=1).astype(np.float64)
    correct = predicted_classes(probabilities) == labels
    places = np.clip(np.ceil(confidences * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(places, confidences, bins) / counts
        accuracy = np.bincount(places, correct, bins) / counts
    gaps = np.abs(confidence - accuracy)[counts > 0]
    error = float((gaps * counts[counts > 0]).sum() / len(labels))
    return read_only(Calibration(counts, confidence, accuracy, error))


def top_accuracy(labels: NDArray[np.integer], probabilities: NDArray[np.floating], k: int) -> float:
    """Share of the images whose class is among the ``k`` most probable ones."""
    with HEAVY_IMPORTS:
        from sklearn.metrics import top_k_accuracy_score

    classes = np.arange(probabilities.shape[1])
    return float(top_k_accuracy_score(labels, probabilities, k=k, labels=classes))
