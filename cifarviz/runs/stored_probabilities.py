"""A network's answers to the test images, kept in its run's folder.

Beside a checkpoint they are a copy of what can be worked out again: whatever does not fit is
passed over. After an epoch whose weights are gone they are all there is.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, StorageFull
from cifarviz.runs.answer_files import FORMAT, load_answers
from cifarviz.runs.artifacts import (
    Checkpoint,
    answers_path,
    load_arrays,
    save_arrays,
)
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.snapshots import Weights, weights_path

Stamp = tuple[int, int]
"""Modification time in nanoseconds and size in bytes: another one means another checkpoint."""


def checkpoint_stamp(folder: Path, which: Weights) -> Stamp:
    """The stamp of these weights of a run as they are now; raises ``ArtifactMissing``."""
    path = weights_path(folder, which)
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise ArtifactMissing(
            f"{path.name} of run {folder.name} is not there (any more). Choose another run."
        ) from error
    return found.st_mtime_ns, found.st_size


def probabilities_path(folder: Path, which: Checkpoint) -> Path:
    """The file of a checkpoint's answers."""
    return folder / f"test-probabilities-{which}.npz"


def read_probabilities(
    folder: Path, which: Checkpoint, stamp: Stamp, test: ImageSet, classes: int
) -> Predictions | None:
    """The answers kept for these images, in their order.

    ``None`` when there are none, or they are those of another checkpoint or of other images, or
    cannot be read, or were stored as probabilities by an earlier version: all of that is mended
    by asking the weights again.
    """
    try:
        arrays, facts = load_arrays(probabilities_path(folder, which))
    except (ArtifactMissing, ArtifactDamaged):
        return None
    if facts.get("format") != FORMAT or facts.get("checkpoint") != list(stamp):
        return None
    logs, indices = arrays.get("log_probabilities"), arrays.get("indices")
    if logs is None or indices is None or not np.array_equal(indices, test.indices):
        return None
    if logs.shape != (len(test), classes) or logs.dtype != np.float32:
        return None
    return Predictions(logs)


def keep_probabilities(
    folder: Path,
    which: Checkpoint,
    stamp: Stamp,
    test: ImageSet,
    predictions: Predictions,
) -> None:
    """Keep the answers of the checkpoint with this stamp; raises ``StorageFull``, ``OSError``."""
    if not folder.is_dir():
        # The run was deleted meanwhile: its folder must not come back.
        return
    save_arrays(
        probabilities_path(folder, which),
        {"log_probabilities": predictions.log_probabilities, "indices": test.indices},
        {"format": FORMAT, "checkpoint": list(stamp)},
    )


def kept_or_asked(
    folder: Path,
    which: Checkpoint,
    test: ImageSet,
    classes: int,
    ask: Callable[[], Predictions],
    *,
    keep: bool = True,
    on_refusal: Callable[[Exception], None] = lambda error: None,
) -> Predictions:
    """The answers kept for these images, else what ``ask`` gives, which is kept from then on.

    A disk that takes no more costs only the next look its answers: ``on_refusal`` is told. Raises
    ``ArtifactMissing`` without the checkpoint, and what ``ask`` does.
    """
    # Before the weights are read: a checkpoint replaced in between is then measured again.
    stamp = checkpoint_stamp(folder, which)
    kept = read_probabilities(folder, which, stamp, test, classes)
    if kept is not None:
        return kept
    given = ask()
    if keep:
        try:
            keep_probabilities(folder, which, stamp, test, given)
        except (StorageFull, OSError) as error:
            on_refusal(error)
    return given


def keep_epoch_probabilities(
    folder: Path, epoch: int, test: ImageSet, predictions: Predictions
) -> None:
    """Keep the answers of a run after ``epoch``, whose weights will be gone.

    Raises ``StorageFull``.
    """
    save_arrays(
        answers_path(folder, epoch),
        {"log_probabilities": predictions.log_probabilities, "indices": test.indices},
        {"format": FORMAT, "epoch": epoch},
    )


def epoch_probabilities(folder: Path, epoch: int, test: ImageSet, classes: int) -> Predictions:
    """The answers a run kept after ``epoch``, in the order of ``test``.

    Raises ``ArtifactMissing`` where none were kept, ``UnknownFormat`` where another version kept
    them, and ``ArtifactDamaged`` where they are not about these images.
    """
    damaged = (
        f"What run {folder.name} has kept after epoch {epoch} is damaged, or not about these test "
        "images. Train the run again."
    )
    found = load_answers(
        answers_path(folder, epoch),
        classes,
        missing=f"Run {folder.name} has kept no answers after epoch {epoch}: it has not got there, "
        "or was not asked to keep them. Choose another epoch.",
        unknown=f"What run {folder.name} has kept after epoch {epoch} is of format {{found}}, and "
        f"this version of cifarviz reads 1 and {FORMAT}. Train the run again with this one.",
        damaged=damaged,
    )
    if not np.array_equal(found.indices, test.indices):
        raise ArtifactDamaged(damaged)
    return found.predictions
