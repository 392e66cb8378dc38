"""Predictions judged: accuracy, loss, confusion matrix and scores of each class."""

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
    """One value a class, in the data set's order.

    ``precision``, ``recall`` and ``f1`` float64 (classes,), 0 to 1; ``support``, the number of
    images of the class, int64 (classes,). NaN where a score has no meaning: the precision of a
    class never predicted, the recall of a class without images, F1 when it is both.
    """

    classes: tuple[str, ...]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]

    def to_frame(self) -> pd.DataFrame:
        """A row a class, with the class's name as the index."""
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
    """The answers of a network and what follows from them; all arrays are read-only.

    ``labels`` int64 (n,), ``predictions`` for n images, ``indices`` int64 (n,), the images'
    official ones; ``loss`` in nats, approximate where ``predictions`` are not exact; ``accuracy``
    0 to 1; ``confusion`` int64 (classes, classes), rows actual.
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
        """The class found for each image, int64 (n,)."""
        return predicted_classes(self.predictions.log_probabilities)

    def cell(self, actual: int, predicted: int) -> NDArray[np.int64]:
        """Positions of the images in one cell of the confusion matrix, the surest first."""
        return cell_members(self.labels, self.probabilities, actual, predicted)

    def renamed(self, classes: tuple[str, ...]) -> "Evaluation":
        """The same with other names for the classes, in the data set's order."""
        return replace(self, per_class=replace(self.per_class, classes=classes))

    def to_dict(self) -> dict[str, Any]:
        """As the command line prints it in JSON; what has no meaning is ``None``."""
        scores = self.per_class
        rows = zip(
            scores.classes, scores.precision, scores.recall, scores.f1, scores.support, strict=True
        )
        return {
            "images": len(self),
            "loss": _known(self.loss),
            "accuracy": _known(self.accuracy),
            "per_class": {
                name: {
                    "precision": _known(precision),
                    "recall": _known(recall),
                    "f1": _known(f1),
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
    """Compare what a network predicts for n images with their labels (n,).

    Raises ``ArtifactDamaged`` if a probability is not a number, and ``ValueError`` when the
    arrays do not fit together or there are no images.
    """
    if not len(labels):
        raise ValueError("an evaluation needs at least one image")
    expected = (len(labels), len(classes))
    if predictions.log_probabilities.shape != expected or len(indices) != len(labels):
        raise ValueError(
            f"{len(labels)} labels and {len(classes)} classes want probabilities of shape "
            f"{expected}, not {predictions.log_probabilities.shape}, and not {len(indices)} indices"
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


def _known(value: float) -> float | None:
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


def score_classes(classes: Sequence[str], confusion: NDArray[np.integer]) -> ClassScores:
    """Read the scores off a confusion matrix, rows actual, columns predicted.

    Raises ``ValueError`` when it hasn't one row and one column a class.
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
    """Share of the images, 0 to 1, whose class was found; NaN of none."""
    return float(np.mean(labels == predicted)) if len(labels) else float("nan")


def cross_entropy(labels: NDArray[np.integer], log_probabilities: NDArray[np.floating]) -> float:
    """Mean cross-entropy in nats; NaN of no images.

    ``labels`` is (n,), ``log_probabilities`` (n, classes), natural logarithms. It is not clipped,
    and neither label smoothing nor an L2 penalty is in it: it is what Keras evaluates from logits.
    """
    if not len(labels):
        return float("nan")
    return float(-log_probabilities[np.arange(len(labels)), labels].mean(dtype=np.float64))


def confusable_order(confusion: NDArray[np.integer]) -> tuple[int, ...]:
    """Order the classes of a confusion matrix, rows actual, so that confusable ones are near.

    Two classes are the closer the larger the share of the one that is taken for the other, on
    average of both ways. They are clustered by average linkage, and the clusters turned so that
    neighbours are as close as can be (Bar-Joseph et al., "Fast optimal leaf ordering for
    hierarchical clustering", 2001). Without any confusion it is the usual order.
    """
    count = len(confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    close = (shares + shares.T) / 2
    np.fill_diagonal(close, 0)
    if count < 3 or not close.any():
        return tuple(range(count))
    with HEAVY_IMPORTS:
        from scipy.cluster.hierarchy import leaves_list, linkage

    apart = close.max() - close
    pairs = apart[np.triu_indices(count, 1)]
    order = [int(one) for one in leaves_list(linkage(pairs, "average", optimal_ordering=True))]
    # Read backwards it is as good an order: the one that begins with the earlier class.
    return tuple(order if order[0] <= order[-1] else reversed(order))
