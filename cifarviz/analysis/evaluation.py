"""Everything that is said of a network over a set of labelled images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.confusion import cell_members, count_confusion
from cifarviz.analysis.predictions import check_probabilities, predicted_classes
from cifarviz.analysis.read_only import read_only
from cifarviz.analysis.scores import ClassScores, accuracy, cross_entropy, score_classes
from cifarviz.runs.log_probabilities import Predictions


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
