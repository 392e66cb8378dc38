"""How a network came to know labels that are wrong, beside those that are right."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.galleries import track_learning
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.read_only import read_only
from cifarviz.errors import ArtifactDamaged
from cifarviz.runs.snapshots import read_predictions


@dataclass(frozen=True, eq=False)
class LabelMemorisation:
    """What a network answered to training images after each of ``epochs``, int64 (e,).

    Shares, float64 (e,), NaN where there are no such images: ``true_known`` of the images with
    right labels that it gives theirs, ``false_known`` of those with wrong labels that it gives
    theirs, and ``seen_through``, of the same, that it gives the right one instead.

    ``false`` int64 (f,) are the positions of the images with wrong labels among all that were
    given. ``true_learned`` and ``false_learned`` int64 (t,) and (f,) say from which of the epochs
    on it always gave an image the label it was trained with; 0 is never.
    """

    epochs: NDArray[np.int64]
    true_known: NDArray[np.float64]
    false_known: NDArray[np.float64]
    seen_through: NDArray[np.float64]
    false: NDArray[np.int64]
    true_learned: NDArray[np.int64]
    false_learned: NDArray[np.int64]


def track_labels(
    given: NDArray[np.integer],
    right: NDArray[np.integer],
    epochs: Sequence[int],
    predicted: NDArray[np.integer],
) -> LabelMemorisation:
    """Follow images from epoch to epoch.

    ``given`` and ``right`` (n,) are the labels that were trained with and those that are true;
    ``predicted`` (e, n) has a row for each of ``epochs``, ascending. Raises ``ValueError`` unless
    they fit together and there is an epoch.
    """
    if given.shape != right.shape:
        raise ValueError(f"{len(given)} labels given and {len(right)} right ones")
    learned = track_learning(given, epochs, predicted).learned
    wrong = given != right
    return read_only(
        LabelMemorisation(
            epochs=np.asarray(epochs, np.int64),
            true_known=_share(predicted == given, ~wrong),
            false_known=_share(predicted == given, wrong),
            seen_through=_share(predicted == right, wrong),
            false=np.flatnonzero(wrong),
            true_learned=learned[~wrong],
            false_learned=learned[wrong],
        )
    )


@dataclass(frozen=True, eq=False)
class LabelPredictions:
    """Official ``indices`` int64 (n,) of training images, and the classes said, int64 (n,)."""

    indices: NDArray[np.int64]
    answers: NDArray[np.int64]


def load_label_predictions(folder: Path, epoch: int, classes: int) -> LabelPredictions:
    """What a run, whose folder is given, said after ``epoch`` about images it watches.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    answers = read_predictions(folder, epoch, classes, kind="memory")
    return read_only(
        LabelPredictions(answers.indices, predicted_classes(answers.predictions.log_probabilities))
    )


def find_positions(
    indices: NDArray[np.int64], said: Sequence[LabelPredictions], folder: Path
) -> NDArray[np.int64]:
    """Where the images that were asked about are among the training images ``indices``, int64 (n,).

    Raises ``ArtifactDamaged`` unless all of ``said`` are about the same of these images.
    """
    asked = said[0].indices
    order = np.argsort(indices)
    places = order[np.minimum(np.searchsorted(indices, asked, sorter=order), len(indices) - 1)]
    same = all(np.array_equal(one.indices, asked) for one in said)
    if not same or not np.array_equal(indices[places], asked):
        raise ArtifactDamaged(
            "What run {run_id} kept of its training images is about other images than it "
            "was trained on. Train it again.",
            run_id=folder.name,
        )
    return places


def half_learned_epoch(learned: NDArray[np.integer]) -> int | None:
    """The epoch by which half of the images were learned; ``None`` if fewer ever were."""
    known = np.sort(learned[learned > 0])
    half = -(-len(learned) // 2)
    return int(known[half - 1]) if len(learned) and len(known) >= half else None


def _share(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> NDArray[np.float64]:
    if not of.any():
        return np.full(len(hits), np.nan)
    return hits[:, of].mean(axis=1)
