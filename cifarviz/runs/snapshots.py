"""What a run leaves of its way: weights, feature maps and answers after some of its epochs.

They are copies for looking back. Nothing that a run needs to go on is among them, so they may be
thinned out whenever they take too much room.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Split
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs import log_probabilities
from cifarviz.runs.artifacts import (
    SNAPSHOTS,
    Artifacts,
    Checkpoint,
    FolderArtifacts,
    checkpoint_name,
    load_arrays,
)
from cifarviz.runs.log_probabilities import Predictions, load_answers, rounded_to

FORMAT = 1
"""Of files of weights."""

Kind = Literal["weights", "maps", "answers", "memory"]
"""``answers`` are about the validation images, ``memory`` about training images."""

WeightsChoice = Checkpoint | int
"""A checkpoint, or the epoch of a snapshot."""

_NAME = re.compile(SNAPSHOTS + r"/(?P<kind>weights|maps|answers|memory)-(?P<epoch>\d{4,})")


@dataclass(frozen=True, eq=False)
class SnapshotPredictions:
    """What a network said about images after an epoch.

    ``indices`` int64 (n,) are the images' official ones in ``split``. The log-probabilities of
    ``predictions`` are rounded as float16, to within 1 in 2,000, but for the class they are
    highest for.
    """

    split: Split
    indices: NDArray[np.int64]
    predictions: Predictions


def snapshot_name(kind: Kind, epoch: int) -> str:
    """The artifact of what a run kept after ``epoch`` (0: untrained)."""
    return f"{SNAPSHOTS}/{kind}-{epoch:04d}"


def snapshot_path(folder: Path, kind: Kind, epoch: int) -> Path:
    """The file of ``snapshot_name`` in a run's folder."""
    return FolderArtifacts(folder).path(snapshot_name(kind, epoch))


def weights_name(which: WeightsChoice) -> str:
    """The artifact of these weights of a run."""
    return snapshot_name("weights", which) if isinstance(which, int) else checkpoint_name(which)


def weights_path(folder: Path, which: WeightsChoice) -> Path:
    """The file of these weights of a run."""
    return FolderArtifacts(folder).path(weights_name(which))


def snapshot_epochs(folder: Path, kind: Kind) -> list[int]:
    """The epochs of which there are such snapshots, in order."""
    sizes = _sizes(FolderArtifacts(folder))
    return sorted(epoch for found, epoch in sizes if found == kind)


def snapshot_bytes(folder: Path) -> int:
    """What a run's snapshots take on the disk."""
    return sum(_sizes(FolderArtifacts(folder)).values())


def is_weights_epoch(epoch: int) -> bool:
    """Whether weights are kept after ``epoch``: 0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, … (√2 apart).

    Early on much changes from one epoch to the next, later on little.
    """
    half_octaves = 0
    while (number := round(2 ** (half_octaves / 2))) < epoch:
        half_octaves += 1
    return epoch == 0 or number == epoch


def keep_weights(artifacts: Artifacts, epoch: int, arrays: dict[str, np.ndarray]) -> None:
    """Keep a network's arrays (``network.variables``) after ``epoch``; raises ``StorageFull``."""
    facts = {"format": FORMAT, "epoch": epoch}
    artifacts.save(snapshot_name("weights", epoch), arrays, facts, durable=False)


def load_weights(
    folder: Path, which: WeightsChoice
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and facts of these weights of a run.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``; of an epoch's, others may be whole.
    """
    path = weights_path(folder, which)
    if not isinstance(which, int):
        return load_arrays(path)
    return load_arrays(
        path,
        missing=ArtifactMissing(
            "Run {run_id} has no weights of epoch {epoch} (any more): they are kept of ever fewer "
            "epochs, and thinned out for room. Choose another epoch.",
            run_id=folder.name,
            epoch=which,
        ),
        damaged=ArtifactDamaged(
            "The weights of epoch {epoch} of run {run_id} are damaged and cannot be read. Its "
            "other epochs can still be looked at: choose another one.",
            epoch=which,
            run_id=folder.name,
        ),
    )


def keep_answers(
    artifacts: Artifacts,
    epoch: int,
    split: Split,
    indices: NDArray[np.int64],
    predictions: Predictions,
    kind: Literal["answers", "memory"] = "answers",
) -> None:
    """Keep what a network said after ``epoch``; raises ``StorageFull``."""
    artifacts.save(
        snapshot_name(kind, epoch),
        {"log_probabilities": _rounded(predictions.log_probabilities), "indices": indices},
        {"format": log_probabilities.FORMAT, "epoch": epoch, "split": split},
        durable=False,
    )


def read_predictions(
    folder: Path, epoch: int, classes: int, kind: Literal["answers", "memory"] = "answers"
) -> SnapshotPredictions:
    """What ``keep_answers`` kept.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    damaged = ArtifactDamaged(
        "The answers of epoch {epoch} of run {run_id} are damaged. Choose another epoch.",
        epoch=epoch,
        run_id=folder.name,
    )
    found = load_answers(
        snapshot_path(folder, kind, epoch),
        classes,
        missing=ArtifactMissing(
            "Run {run_id} has no answers of epoch {epoch} (any more): older ones are thinned out "
            "for room. Choose another epoch.",
            run_id=folder.name,
            epoch=epoch,
        ),
        unknown=partial(
            UnknownFormat,
            "The answers of epoch {epoch} of run {run_id} were written by another version of "
            "cifarviz. Choose another epoch.",
            epoch=epoch,
            run_id=folder.name,
        ),
        damaged=damaged,
    )
    if found.facts.get("split") not in get_args(Split):
        raise damaged
    return SnapshotPredictions(found.facts["split"], found.indices, found.predictions)


def thin(artifacts: Artifacts, budget: int) -> None:
    """Remove snapshots of a run until they take ``budget`` bytes at most.

    Weights first, every second of them at a time, then feature maps, then answers; the first and
    the newest of each stay longest.
    """
    sizes = _sizes(artifacts)
    taken = sum(sizes.values())
    for kind in get_args(Kind):
        epochs = sorted(epoch for found, epoch in sizes if found == kind)
        while taken > budget and epochs:
            gone = epochs[1:-1:2] or epochs[:1]
            for epoch in gone:
                taken -= sizes[kind, epoch]
                artifacts.remove(snapshot_name(kind, epoch))
                epochs.remove(epoch)
                if taken <= budget:
                    return


def thin_all(folders: Iterable[Path], budget: int, *, whole: Iterable[Path] = ()) -> None:
    """Thin out runs, given the oldest first, until the snapshots of all take ``budget`` at most.

    Those that are to stay ``whole`` are not touched, but what they take counts.
    """
    folders = list(folders)
    sizes = {folder: snapshot_bytes(folder) for folder in folders}
    surplus = sum(sizes.values()) + sum(map(snapshot_bytes, whole)) - budget
    for folder in folders:
        if surplus <= 0:
            return
        thin(FolderArtifacts(folder), max(sizes[folder] - surplus, 0))
        surplus -= sizes[folder] - snapshot_bytes(folder)


def _sizes(artifacts: Artifacts) -> dict[tuple[Kind, int], int]:
    """Bytes of each snapshot of a run."""
    found = [(_NAME.fullmatch(name), size) for name, size in artifacts.sizes(SNAPSHOTS).items()]
    return {(cast(Kind, name["kind"]), int(name["epoch"])): size for name, size in found if name}


def _rounded(logs: NDArray[np.float32]) -> NDArray[np.float16]:
    # Below what float16 holds are only probabilities of exp(-65504).
    lowest = float(np.finfo(np.float16).min)
    return rounded_to(np.float16, np.maximum(logs, lowest), like=logs)
