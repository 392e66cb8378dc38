"""A network's answers to the test images, kept in its run's folder.

Beside a checkpoint they are a copy of what can be worked out again: whatever does not fit is
passed over. After an epoch whose weights are gone they are all there is.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.datasets import ImageSet
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, StorageFull
from cifarviz.runs.answer_files import load_answers
from cifarviz.runs.artifacts import (
    ANSWERS_FORMAT,
    Checkpoint,
    answers_path,
    load_arrays,
    save_arrays,
)
from cifarviz.runs.snapshots import Weights, weights_path

FORMAT = 1

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
) -> NDArray[np.float32] | None:
    """The answers kept for these images, float32 (n, classes), in their order.

    ``None`` when there are none, or they are those of another checkpoint or of other images, or
    cannot be read.
    """
    try:
        arrays, facts = load_arrays(probabilities_path(folder, which))
    except (ArtifactMissing, ArtifactDamaged):
        # Never measured, or cut off: both are mended by measuring.
        return None
    if facts.get("format") != FORMAT or facts.get("checkpoint") != list(stamp):
        return None
    probabilities, indices = arrays.get("probabilities"), arrays.get("indices")
    if probabilities is None or indices is None or not np.array_equal(indices, test.indices):
        return None
    if probabilities.shape != (len(test), classes) or probabilities.dtype != np.float32:
        return None
    return probabilities


def keep_probabilities(
    folder: Path,
    which: Checkpoint,
    stamp: Stamp,
    test: ImageSet,
    probabilities: NDArray[np.float32],
) -> None:
    """Keep the answers of the checkpoint with this stamp; raises ``StorageFull``, ``OSError``."""
    if not folder.is_dir():
        # The run was deleted meanwhile: its folder must not come back.
        return
    save_arrays(
        probabilities_path(folder, which),
        {"probabilities": probabilities, "indices": test.indices},
        {"format": FORMAT, "checkpoint": list(stamp)},
    )


def kept_or_asked(
    folder: Path,
    which: Checkpoint,
    test: ImageSet,
    classes: int,
    ask: Callable[[], NDArray[np.float32]],
    *,
    keep: bool = True,
    on_refusal: Callable[[Exception], None] = lambda error: None,
) -> NDArray[np.float32]:
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
    folder: Path, epoch: int, test: ImageSet, probabilities: NDArray[np.float32]
) -> None:
    """Keep the answers of a run after ``epoch``, whose weights will be gone.

    Raises ``StorageFull``.
    """
    save_arrays(
        answers_path(folder, epoch),
        {"probabilities": probabilities, "indices": test.indices},
        {"format": ANSWERS_FORMAT, "epoch": epoch},
    )


def epoch_probabilities(
    folder: Path, epoch: int, test: ImageSet, classes: int
) -> NDArray[np.float32]:
    """The answers a run kept after ``epoch``, float32 (n, classes), in the order of ``test``.

    Raises ``ArtifactMissing`` where none were kept, ``UnknownFormat`` where another version kept
    them, and ``ArtifactDamaged`` where they are not about these images.
    """
    damaged = (
        f"What run {folder.name} has kept after epoch {epoch} is damaged, or not about these test "
        "images. Train the run again."
    )
    found = load_answers(
        answers_path(folder, epoch),
        ANSWERS_FORMAT,
        classes,
        missing=f"Run {folder.name} has kept no answers after epoch {epoch}: it has not got there, "
        "or was not asked to keep them. Choose another epoch.",
        unknown=f"What run {folder.name} has kept after epoch {epoch} is of format {{found}}, and "
        f"this version of cifarviz reads {ANSWERS_FORMAT}. Train the run again with this one.",
        damaged=damaged,
    )
    if not np.array_equal(found.indices, test.indices):
        raise ArtifactDamaged(damaged)
    return found.probabilities
