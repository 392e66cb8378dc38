"""Snapshots of a run: weights, feature maps, predictions and histograms after some epochs.

A run does not need them to be resumed, so they are thinned out when they take too much space.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

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
from cifarviz.runs.log_probabilities import Predictions, load_predictions_file, round_keeping_best

FORMAT = 1
"""The format of files of weights."""

SnapshotKind = Literal["weights", "maps", "predictions", "train_predictions", "histograms"]
"""``predictions`` are for the validation images, ``train_predictions`` for training images."""

PredictionsKind = Literal["predictions", "train_predictions"]

WeightsChoice = Checkpoint | int
"""A checkpoint, or the epoch of a snapshot."""

# File names; “answers” and “memory” stay for older homes.
_FILE_NAMES: Final[Mapping[SnapshotKind, str]] = MappingProxyType(
    {
        "weights": "weights",
        "maps": "maps",
        "predictions": "answers",
        "train_predictions": "memory",
        "histograms": "histograms",
    }
)
_KINDS: Final = {name: kind for kind, name in _FILE_NAMES.items()}
_NAME = re.compile(rf"{SNAPSHOTS}/(?P<name>{'|'.join(_KINDS)})-(?P<epoch>\d{{4,}})")


@dataclass(frozen=True, eq=False)
class SnapshotPredictions:
    """A network's predictions for images after an epoch.

    ``indices`` int64 (n,) are the images' official indices in ``split``. The log-probabilities are
    rounded to float16, to within 1 in 2,000, except that of the most probable class.
    """

    split: Split
    indices: NDArray[np.int64]
    predictions: Predictions


def snapshot_name(kind: SnapshotKind, epoch: int) -> str:
    """Return the artifact of a run's snapshot after ``epoch`` (0: untrained)."""
    return f"{SNAPSHOTS}/{_FILE_NAMES[kind]}-{epoch:04d}"


def snapshot_path(folder: Path, kind: SnapshotKind, epoch: int) -> Path:
    """Return the path of ``snapshot_name`` in a run's folder."""
    return FolderArtifacts(folder).path(snapshot_name(kind, epoch))


def weights_name(which: WeightsChoice) -> str:
    """Return the artifact of these weights of a run."""
    return snapshot_name("weights", which) if isinstance(which, int) else checkpoint_name(which)


def weights_path(folder: Path, which: WeightsChoice) -> Path:
    """Return the path of these weights of a run."""
    return FolderArtifacts(folder).path(weights_name(which))


def snapshot_epochs(folder: Path, kind: SnapshotKind) -> list[int]:
    """Return the epochs with a snapshot of this kind, in order."""
    sizes = _snapshot_sizes(FolderArtifacts(folder))
    return sorted(epoch for own_kind, epoch in sizes if own_kind == kind)


def snapshot_bytes(folder: Path) -> int:
    """Return the size in bytes of a run's snapshots."""
    return sum(_snapshot_sizes(FolderArtifacts(folder)).values())


def is_weights_epoch(epoch: int) -> bool:
    """Whether weights are saved after ``epoch``: 0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, … (√2 apart).

    Weights change much between early epochs, and little between late ones.
    """
    half_octaves = 0
    while (number := round(2 ** (half_octaves / 2))) < epoch:
        half_octaves += 1
    return epoch == 0 or number == epoch


def save_weights(artifacts: Artifacts, epoch: int, arrays: dict[str, np.ndarray]) -> None:
    """Save a network's arrays (``network.variables``) after ``epoch``; raises ``StorageFull``."""
    facts = {"format": FORMAT, "epoch": epoch}
    artifacts.save(snapshot_name("weights", epoch), arrays, facts, durable=False)


def load_weights(
    folder: Path, which: WeightsChoice
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Load the arrays and facts of these weights of a run.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    path = weights_path(folder, which)
    if not isinstance(which, int):
        return load_arrays(path)
    return load_arrays(
        path,
        missing=ArtifactMissing(
            "Run {run_id} has no saved weights for epoch {epoch}: not every epoch's are saved, and "
            "old ones are removed to make space. Choose another epoch.",
            run_id=folder.name,
            epoch=which,
        ),
        damaged=ArtifactDamaged(
            "The weights of epoch {epoch} of run {run_id} are damaged and cannot be read. Choose "
            "another epoch: the others still work.",
            epoch=which,
            run_id=folder.name,
        ),
    )


def save_predictions(
    artifacts: Artifacts,
    epoch: int,
    split: Split,
    indices: NDArray[np.int64],
    predictions: Predictions,
    kind: PredictionsKind = "predictions",
) -> None:
    """Save a network's predictions after ``epoch``; raises ``StorageFull``."""
    artifacts.save(
        snapshot_name(kind, epoch),
        {"log_probabilities": _to_float16(predictions.log_probabilities), "indices": indices},
        {"format": log_probabilities.FORMAT, "epoch": epoch, "split": split},
        durable=False,
    )


def load_predictions(
    folder: Path, epoch: int, classes: int, kind: PredictionsKind = "predictions"
) -> SnapshotPredictions:
    """Load what ``save_predictions`` wrote.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    damaged = ArtifactDamaged(
        "The predictions of epoch {epoch} of run {run_id} are damaged. Choose another epoch.",
        epoch=epoch,
        run_id=folder.name,
    )
    stored = load_predictions_file(
        snapshot_path(folder, kind, epoch),
        classes,
        missing=ArtifactMissing(
            "Run {run_id} has no saved predictions for epoch {epoch}: old ones are removed to make "
            "space. Choose another epoch.",
            run_id=folder.name,
            epoch=epoch,
        ),
        unknown=partial(
            UnknownFormat,
            "The predictions of epoch {epoch} of run {run_id} were written by another version of "
            "cifarviz. Choose another epoch.",
            epoch=epoch,
            run_id=folder.name,
        ),
        damaged=damaged,
    )
    if stored.facts.get("split") not in get_args(Split):
        raise damaged
    return SnapshotPredictions(stored.facts["split"], stored.indices, stored.predictions)


def thin(artifacts: Artifacts, budget: int) -> None:
    """Remove snapshots of a run until they take ``budget`` bytes at most.

    Weights are removed first, every second of them at a time, then feature maps, then predictions,
    then histograms; the first and the newest of each are removed last.
    """
    sizes = _snapshot_sizes(artifacts)
    taken = sum(sizes.values())
    for kind in get_args(SnapshotKind):
        epochs = sorted(epoch for own_kind, epoch in sizes if own_kind == kind)
        while taken > budget and epochs:
            for epoch in epochs[1:-1:2] or epochs[:1]:
                taken -= sizes[kind, epoch]
                artifacts.remove(snapshot_name(kind, epoch))
                epochs.remove(epoch)
                if taken <= budget:
                    return


def thin_all(folders: Iterable[Path], budget: int, *, protected: Iterable[Path] = ()) -> None:
    """Thin out runs, the oldest first, until all snapshots take ``budget`` bytes at most.

    ``folders`` begin with the oldest run. Snapshots in ``protected`` folders count, but stay.
    """
    folders = list(folders)
    sizes = {folder: snapshot_bytes(folder) for folder in folders}
    surplus = sum(sizes.values()) + sum(map(snapshot_bytes, protected)) - budget
    for folder in folders:
        if surplus <= 0:
            return
        thin(FolderArtifacts(folder), max(sizes[folder] - surplus, 0))
        surplus -= sizes[folder] - snapshot_bytes(folder)


def _snapshot_sizes(artifacts: Artifacts) -> dict[tuple[SnapshotKind, int], int]:
    """Return the size in bytes of each snapshot of a run."""
    found = [(_NAME.fullmatch(name), size) for name, size in artifacts.sizes(SNAPSHOTS).items()]
    return {(_KINDS[name["name"]], int(name["epoch"])): size for name, size in found if name}


def _to_float16(logs: NDArray[np.float32]) -> NDArray[np.float16]:
    # float16 cannot hold the logarithms of probabilities below exp(-65504).
    lowest = float(np.finfo(np.float16).min)
    return round_keeping_best(np.float16, np.maximum(logs, lowest), like=logs)
