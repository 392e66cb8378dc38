"""A network's answers to the test images, kept in its run's folder.

Beside a checkpoint they are a copy of what can be worked out again: whatever does not fit is
passed over. After an epoch whose weights are gone they are all there is.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, StorageFull, UnknownFormat
from cifarviz.runs.artifacts import (
    Artifacts,
    Checkpoint,
    FolderArtifacts,
    Stamp,
    answers_path,
    checkpoint_name,
    epoch_predictions_name,
    load_arrays,
)
from cifarviz.runs.log_probabilities import FORMAT, Predictions, load_answers
from cifarviz.runs.snapshots import WeightsChoice, weights_name


def checkpoint_stamp(folder: Path, which: WeightsChoice) -> Stamp:
    """The stamp of these weights of a run as they are now; raises ``ArtifactMissing``."""
    return FolderArtifacts(folder).stamp(weights_name(which))


def probabilities_name(which: Checkpoint) -> str:
    """The artifact of a checkpoint's answers."""
    return f"test-probabilities-{which}"


def probabilities_path(folder: Path, which: Checkpoint) -> Path:
    """The file of a checkpoint's answers."""
    return FolderArtifacts(folder).path(probabilities_name(which))


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
    artifacts: Artifacts,
    which: Checkpoint,
    stamp: Stamp,
    test: ImageSet,
    predictions: Predictions,
) -> None:
    """Keep the answers of the checkpoint with this stamp; raises ``StorageFull``, ``OSError``."""
    if not artifacts.exists(checkpoint_name(which)):
        # The run was deleted meanwhile: its folder must not come back.
        return
    artifacts.save(
        probabilities_name(which),
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
            keep_probabilities(FolderArtifacts(folder), which, stamp, test, given)
        except (StorageFull, OSError) as error:
            on_refusal(error)
    return given


def keep_epoch_probabilities(
    artifacts: Artifacts, epoch: int, test: ImageSet, predictions: Predictions
) -> None:
    """Keep the answers of a run after ``epoch``, whose weights will be gone.

    Raises ``StorageFull``.
    """
    artifacts.save(
        epoch_predictions_name(epoch),
        {"log_probabilities": predictions.log_probabilities, "indices": test.indices},
        {"format": FORMAT, "epoch": epoch},
    )


def epoch_probabilities(folder: Path, epoch: int, test: ImageSet, classes: int) -> Predictions:
    """The answers a run kept after ``epoch``, in the order of ``test``.

    Raises ``ArtifactMissing`` where none were kept, ``UnknownFormat`` where another version kept
    them, and ``ArtifactDamaged`` where they are not about these images.
    """
    damaged = ArtifactDamaged(
        "What run {run_id} has kept after epoch {epoch} is damaged, or not about these test "
        "images. Train the run again.",
        run_id=folder.name,
        epoch=epoch,
    )
    found = load_answers(
        answers_path(folder, epoch),
        classes,
        missing=ArtifactMissing(
            "Run {run_id} has kept no answers after epoch {epoch}: it has not got there, or was "
            "not asked to keep them. Choose another epoch.",
            run_id=folder.name,
            epoch=epoch,
        ),
        unknown=partial(
            UnknownFormat,
            "What run {run_id} has kept after epoch {epoch} is of format {found}, and this "
            "version of cifarviz reads 1 and {newest}. Train the run again with this one.",
            run_id=folder.name,
            epoch=epoch,
            newest=FORMAT,
        ),
        damaged=damaged,
    )
    if not np.array_equal(found.indices, test.indices):
        raise damaged
    return found.predictions
