"""A network's predictions for the test images, stored in its run's folder.

Predictions of a checkpoint can be computed again, so a file that does not match it is ignored.
Predictions of an epoch without saved weights cannot.
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
    checkpoint_name,
    epoch_predictions_name,
    epoch_predictions_path,
    load_arrays,
)
from cifarviz.runs.log_probabilities import FORMAT, Predictions, load_predictions_file
from cifarviz.runs.snapshots import WeightsChoice, weights_name


def checkpoint_stamp(folder: Path, which: WeightsChoice) -> Stamp:
    """Return the current stamp of these weights of a run; raises ``ArtifactMissing``."""
    return FolderArtifacts(folder).stamp(weights_name(which))


def checkpoint_predictions_name(which: Checkpoint) -> str:
    """Return the artifact of a checkpoint's predictions."""
    return f"test-probabilities-{which}"


def checkpoint_predictions_path(folder: Path, which: Checkpoint) -> Path:
    """Return the path of a checkpoint's predictions."""
    return FolderArtifacts(folder).path(checkpoint_predictions_name(which))


def load_checkpoint_predictions(
    folder: Path, which: Checkpoint, stamp: Stamp, test: ImageSet, classes: int
) -> Predictions | None:
    """Load the stored predictions for these images, in their order.

    ``None`` if there are none, or they are of another checkpoint or other images, or cannot be
    read, or an earlier version stored them as probabilities: then they are computed again.
    """
    try:
        arrays, facts = load_arrays(checkpoint_predictions_path(folder, which))
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


def save_checkpoint_predictions(
    artifacts: Artifacts,
    which: Checkpoint,
    stamp: Stamp,
    test: ImageSet,
    predictions: Predictions,
) -> None:
    """Save the predictions of the checkpoint with this stamp.

    Raises ``StorageFull`` and ``OSError``.
    """
    if not artifacts.exists(checkpoint_name(which)):
        # The run was deleted meanwhile: its folder must not come back.
        return
    artifacts.save(
        checkpoint_predictions_name(which),
        {"log_probabilities": predictions.log_probabilities, "indices": test.indices},
        {"format": FORMAT, "checkpoint": list(stamp)},
    )


def load_or_compute_predictions(
    folder: Path,
    which: Checkpoint,
    test: ImageSet,
    classes: int,
    compute: Callable[[], Predictions],
    *,
    save: bool = True,
    on_refusal: Callable[[Exception], None] = lambda error: None,
) -> Predictions:
    """Load the predictions for these images, or compute and save them.

    If the disk is full or read-only they are not saved, and ``on_refusal`` gets the error. Raises
    ``ArtifactMissing`` without the checkpoint, and what ``compute`` does.
    """
    # Taken before the weights are read, in case the checkpoint is replaced in between.
    stamp = checkpoint_stamp(folder, which)
    stored = load_checkpoint_predictions(folder, which, stamp, test, classes)
    if stored is not None:
        return stored
    predictions = compute()
    if save:
        try:
            save_checkpoint_predictions(FolderArtifacts(folder), which, stamp, test, predictions)
        except (StorageFull, OSError) as error:
            on_refusal(error)
    return predictions


def save_epoch_predictions(
    artifacts: Artifacts, epoch: int, test: ImageSet, predictions: Predictions
) -> None:
    """Save a run's predictions after ``epoch``, whose weights may not be saved.

    Raises ``StorageFull``.
    """
    artifacts.save(
        epoch_predictions_name(epoch),
        {"log_probabilities": predictions.log_probabilities, "indices": test.indices},
        {"format": FORMAT, "epoch": epoch},
    )


def load_epoch_predictions(folder: Path, epoch: int, test: ImageSet, classes: int) -> Predictions:
    """Load a run's predictions after ``epoch``, in the order of ``test``.

    Raises ``ArtifactMissing``, ``UnknownFormat`` where another version wrote them, and
    ``ArtifactDamaged`` also where they are for other images.
    """
    damaged = ArtifactDamaged(
        "The predictions of run {run_id} after epoch {epoch} are damaged, or for other test "
        "images. Train the run again.",
        run_id=folder.name,
        epoch=epoch,
    )
    stored = load_predictions_file(
        epoch_predictions_path(folder, epoch),
        classes,
        missing=ArtifactMissing(
            "Run {run_id} has no saved predictions for epoch {epoch}: it has not reached it, or "
            "was not set to save them. Choose another epoch.",
            run_id=folder.name,
            epoch=epoch,
        ),
        unknown=partial(
            UnknownFormat,
            "The predictions of run {run_id} after epoch {epoch} have format {found}, and this "
            "version of cifarviz reads 1 and {newest}. Train the run again with this version.",
            run_id=folder.name,
            epoch=epoch,
            newest=FORMAT,
        ),
        damaged=damaged,
    )
    if not np.array_equal(stored.indices, test.indices):
        raise damaged
    return stored.predictions
