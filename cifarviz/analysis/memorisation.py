"""When a network memorises wrong labels, compared with correct ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.galleries import track_learning
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only
from cifarviz.errors import ArtifactDamaged
from cifarviz.runs.snapshots import load_predictions


@dataclass(frozen=True, eq=False)
class LabelMemorisation:
    """Predictions for training images with correct and wrong labels after ``epochs``, int64 (e,).

    Shares, float64 (e,), NaN of no images: ``true_known`` of the images with correct labels and
    ``false_known`` of those with wrong labels that are predicted as the label they were trained
    with, and ``seen_through`` of those with wrong labels that are predicted as their correct one.

    ``false`` int64 (f,) are the positions of the images with wrong labels among all n.
    ``true_learned`` (t,) and ``false_learned`` (f,), int64, are the epochs from which on an image
    is always predicted as the label it was trained with; 0 if never.
    """

    epochs: NDArray[np.int64]
    true_known: NDArray[np.float64]
    false_known: NDArray[np.float64]
    seen_through: NDArray[np.float64]
    false: NDArray[np.int64]
    true_learned: NDArray[np.int64]
    false_learned: NDArray[np.int64]


def track_labels(
    training_labels: NDArray[np.integer],
    correct_labels: NDArray[np.integer],
    epochs: Sequence[int],
    predicted: NDArray[np.integer],
) -> LabelMemorisation:
    """Track when images are predicted as the labels they were trained with.

    ``training_labels`` and ``correct_labels`` are (n,); ``predicted`` (e, n) has a row for each of
    ``epochs``, ascending. Raises ``ValueError`` unless they fit together and there is an epoch.
    """
    if training_labels.shape != correct_labels.shape:
        raise ValueError(
            f"{len(training_labels)} training labels and {len(correct_labels)} correct ones"
        )
    learned = track_learning(training_labels, epochs, predicted).learned
    wrong = training_labels != correct_labels
    return read_only(
        LabelMemorisation(
            epochs=np.asarray(epochs, np.int64),
            true_known=_share(predicted == training_labels, ~wrong),
            false_known=_share(predicted == training_labels, wrong),
            seen_through=_share(predicted == correct_labels, wrong),
            false=np.flatnonzero(wrong),
            true_learned=learned[~wrong],
            false_learned=learned[wrong],
        )
    )


@dataclass(frozen=True, eq=False)
class LabelPredictions:
    """Predicted classes, int64 (n,), of training images by their ``indices``, int64 (n,)."""

    indices: NDArray[np.int64]
    predicted: NDArray[np.int64]


def load_label_predictions(folder: Path, epoch: int, classes: int) -> LabelPredictions:
    """Load a run's predictions after ``epoch`` for the training images it tracks.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    stored = load_predictions(folder, epoch, classes, kind="train_predictions")
    return read_only(
        LabelPredictions(stored.indices, predicted_classes(stored.predictions.log_probabilities))
    )


def find_positions(
    indices: NDArray[np.int64], predictions: Sequence[LabelPredictions], folder: Path
) -> NDArray[np.int64]:
    """Positions of the tracked images among the training images ``indices``, int64 (n,).

    Raises ``ArtifactDamaged`` unless all ``predictions`` are for the same of these images.
    """
    tracked = predictions[0].indices
    order = np.argsort(indices)
    positions = order[np.minimum(np.searchsorted(indices, tracked, sorter=order), len(indices) - 1)]
    same = all(np.array_equal(epoch.indices, tracked) for epoch in predictions)
    if not same or not np.array_equal(indices[positions], tracked):
        raise ArtifactDamaged(
            "The training predictions saved by run {run_id} are for images that it was not "
            "trained on. Train it again.",
            run_id=folder.name,
        )
    return positions


def half_learned_epoch(learned: NDArray[np.integer]) -> int | None:
    """The epoch by which half of the images were learned; ``None`` if fewer were."""
    epochs = np.sort(learned[learned > 0])
    half = -(-len(learned) // 2)
    return int(epochs[half - 1]) if len(learned) and len(epochs) >= half else None


def _share(hits: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    if not chosen.any():
        return np.full(len(hits), np.nan)
    return hits[:, chosen].mean(axis=1)
