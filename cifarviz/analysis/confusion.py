"""Which classes a network takes for which."""

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes


def count_confusion(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Count images by class: int64 (classes, classes), rows actual, columns predicted.

    ``labels`` and ``predicted`` are (n,), each from 0 to ``classes`` − 1, else ``ValueError``.
    """
    for name, values in (("labels", labels), ("predicted", predicted)):
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < classes:
            raise ValueError(
                f"{name} must be 0 to {classes - 1}, not {values.min()} to {values.max()}"
            )
    if labels.shape != predicted.shape:
        raise ValueError(f"{labels.shape} labels for {predicted.shape} predictions")
    # In int64: an 8-bit label times ten would overflow.
    cells = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def row_percent(matrix: NDArray[np.integer]) -> NDArray[np.float64]:
    """Each count as a percentage of its row, 0 to 100; all 0 in a row without images."""
    rows = matrix.sum(axis=1, keepdims=True)
    return 100.0 * matrix / np.maximum(rows, 1)


def cell_members(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    actual: int,
    predicted: int,
) -> NDArray[np.int64]:
    """Find the images of class ``actual`` that were taken for ``predicted``.

    Returns positions, int64 (k,), the one the network was surest of first; equally sure ones in
    their own order. ``labels`` is (n,), ``probabilities`` (n, classes).
    """
    inside = (labels == actual) & (predicted_classes(probabilities) == predicted)
    members = np.flatnonzero(inside)
    return members[np.argsort(-probabilities[members, predicted], kind="stable")]
