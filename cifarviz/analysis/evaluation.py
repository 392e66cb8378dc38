"""Evaluation of predictions: accuracy, loss, confusion matrix and scores of each class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifarviz.analysis.predictions import check_probabilities, predicted_classes
from cifarviz.analysis.read_only import read_only
from cifarviz.loading import HEAVY_IMPORTS
from cifarviz.runs.log_probabilities import Predictions


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of each class, in the data set's order.

    ``precision``, ``recall`` and ``f1`` float64 (classes,), 0 to 1; ``support``, the number of
    images of the class, int64 (classes,). Undefined scores are NaN: the precision of a class that
    is never predicted, the recall of a class without images, F1 if both are undefined.
    """

    classes: tuple[str, ...]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]

    def to_frame(self) -> pd.DataFrame:
        """A data frame with a row for each class, indexed by its name."""
        return pd.DataFrame(
            {
                "precision": self.precision,
                "recall": self.recall,
                "f1": self.f1,
                "support": self.support,
            },
            index=pd.Index(self.classes, name="class"),
        )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A network's predictions for n images and their scores; all arrays are read-only.

    ``labels`` int64 (n,); ``indices`` int64 (n,), image numbers in the data set; ``loss`` in nats,
    approximate if ``predictions`` are not exact; ``accuracy`` 0 to 1; ``confusion`` int64
    (classes, classes), rows actual.
    """

    labels: NDArray[np.int64]
    predictions: Predictions
    indices: NDArray[np.int64]
    loss: float
    accuracy: float
    per_class: ClassScores
    confusion: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the data set's order."""
        return self.per_class.classes

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Class probabilities, float32 (n, classes)."""
        return self.predictions.probabilities

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The predicted class of each image, int64 (n,)."""
        return predicted_classes(self.predictions.log_probabilities)

    def cell(self, actual: int, predicted: int) -> NDArray[np.int64]:
        """Positions of the images in a cell of the confusion matrix, most confident first."""
        return cell_members(self.labels, self.probabilities, actual, predicted)

    def renamed(self, classes: tuple[str, ...]) -> "Evaluation":
        """The same evaluation with other class names, in the data set's order."""
        return replace(self, per_class=replace(self.per_class, classes=classes))

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as the command line prints it in JSON; NaN becomes ``None``."""
        scores = self.per_class
        rows = zip(
            scores.classes, scores.precision, scores.recall, scores.f1, scores.support, strict=True
        )
        return {
            "images": len(self),
            "loss": _finite(self.loss),
            "accuracy": _finite(self.accuracy),
            "per_class": {
                name: {
                    "precision": _finite(precision),
                    "recall": _finite(recall),
                    "f1": _finite(f1),
                    "support": int(support),
                }
                for name, precision, recall, f1, support in rows
            },
            "confusion": self.confusion.tolist(),
        }


def evaluate(
    labels: NDArray[np.integer],
    predictions: Predictions,
    indices: NDArray[np.integer],
    classes: Sequence[str],
) -> Evaluation:
    """Evaluate predictions for n images against their labels (n,).

    Raises ``ArtifactDamaged`` if a probability is not a number, and ``ValueError`` if the arrays
    do not fit together or there are no images.
    """
    if not len(labels):
        raise ValueError("an evaluation needs at least one image")
    expected = (len(labels), len(classes))
    if predictions.log_probabilities.shape != expected or len(indices) != len(labels):
        raise ValueError(
            f"{len(labels)} labels and {len(classes)} classes need probabilities of shape "
            f"{expected} and {len(labels)} indices, not {predictions.log_probabilities.shape} and "
            f"{len(indices)}"
        )
    check_probabilities(predictions.probabilities)
    predicted = predicted_classes(predictions.log_probabilities)
    confusion = count_confusion(labels, predicted, len(classes))
    return read_only(
        Evaluation(
            labels=np.array(labels, np.int64),
            predictions=predictions,
            indices=np.array(indices, np.int64),
            loss=cross_entropy(labels, predictions.log_probabilities),
            accuracy=accuracy(labels, predicted),
            per_class=score_classes(classes, confusion),
            confusion=confusion,
        )
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


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
    # An 8-bit label times the number of classes would overflow.
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
    """Positions of the images of class ``actual`` that were predicted as ``predicted``.

    int64 (k,), most confident first, ties in their order. ``labels`` is (n,), ``probabilities``
    (n, classes).
    """
    inside = (labels == actual) & (predicted_classes(probabilities) == predicted)
    members = np.flatnonzero(inside)
    return members[np.argsort(-probabilities[members, predicted], kind="stable")]


def score_classes(classes: Sequence[str], confusion: NDArray[np.integer]) -> ClassScores:
    """Compute the scores from a confusion matrix, rows actual, columns predicted.

    Raises ``ValueError`` unless it has a row and a column for each class.
    """
    if confusion.shape != (len(classes), len(classes)):
        raise ValueError(f"a matrix of shape {confusion.shape} for {len(classes)} classes")
    with HEAVY_IMPORTS:
        from sklearn.metrics import precision_recall_fscore_support

    actual, predicted = np.repeat(np.argwhere(confusion >= 0), confusion.ravel(), axis=0).T
    precision, recall, f1, support = precision_recall_fscore_support(
        actual, predicted, labels=np.arange(len(classes)), zero_division=np.nan
    )
    return ClassScores(
        classes=tuple(classes),
        precision=precision,
        recall=recall,
        f1=f1,
        support=np.asarray(support, np.int64),
    )


def accuracy(labels: NDArray[np.integer], predicted: NDArray[np.integer]) -> float:
    """Share of correct predictions, 0 to 1; NaN of no images."""
    return float(np.mean(labels == predicted)) if len(labels) else float("nan")


def cross_entropy(labels: NDArray[np.integer], log_probabilities: NDArray[np.floating]) -> float:
    """Mean cross-entropy in nats; NaN of no images.

    ``labels`` is (n,), ``log_probabilities`` (n, classes), natural logarithms. Not clipped,
    without label smoothing or L2 penalty, as Keras computes it from logits.
    """
    if not len(labels):
        return float("nan")
    return float(-log_probabilities[np.arange(len(labels)), labels].mean(dtype=np.float64))


def confusable_order(confusion: NDArray[np.integer]) -> tuple[int, ...]:
    """Order the classes of a confusion matrix, rows actual, so that confusable ones are adjacent.

    The similarity of two classes is the share of one that is predicted as the other, averaged over
    both directions. They are clustered by average linkage with optimal leaf ordering (Bar-Joseph
    et al., "Fast optimal leaf ordering for hierarchical clustering", 2001). Without any confusion
    the order is unchanged.
    """
    count = len(confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    similarity = (shares + shares.T) / 2
    np.fill_diagonal(similarity, 0)
    if count < 3 or not similarity.any():
        return tuple(range(count))
    with HEAVY_IMPORTS:
        from scipy.cluster.hierarchy import leaves_list, linkage

    distance = similarity.max() - similarity
    pairs = distance[np.triu_indices(count, 1)]
    order = leaves_list(linkage(pairs, "average", optimal_ordering=True)).tolist()
    # The reverse order is equally good: take the one that begins with the earlier class.
    return tuple(order if order[0] <= order[-1] else reversed(order))
