"""How good predictions are: accuracy, loss, and precision, recall and F1 of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifarviz.loading import HEAVY_IMPORTS


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
