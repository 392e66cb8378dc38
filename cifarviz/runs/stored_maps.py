"""Feature maps of pinned images after an epoch, stored with one byte per value.

They remain when the weights of that epoch have been removed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs.artifacts import Artifacts, load_arrays
from cifarviz.runs.snapshots import snapshot_name, snapshot_path

FORMAT = 1

_STEPS = 255


class Output(Protocol):
    """One layer's output for several images: ``values`` float32 (n, …)."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def values(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True, eq=False)
class StoredOutput:
    """One layer's stored output for one image.

    ``values`` float32: (height, width, channels), accurate to 1/510 of each channel's range, or
    (units,), exact.
    """

    name: str
    type: str
    values: NDArray[np.float32]


def save_maps(
    artifacts: Artifacts, epoch: int, indices: NDArray[np.int64], outputs: Iterable[Output]
) -> None:
    """Save every layer's output for test images (official ``indices``) after ``epoch``.

    Raises ``StorageFull``.
    """
    arrays: dict[str, np.ndarray] = {"indices": indices}
    layers = []
    for number, output in enumerate(outputs):
        layers.append([output.name, output.type])
        values = output.values
        if values.ndim != 4:
            arrays[f"{number}/values"] = values
            continue
        # A channel with a NaN becomes NaN everywhere.
        lowest, highest = values.min(axis=(1, 2)), values.max(axis=(1, 2))
        span = (highest - lowest)[:, np.newaxis, np.newaxis]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (values - lowest[:, np.newaxis, np.newaxis]) / span
        share = np.where(np.isfinite(share), share, 0)
        arrays[f"{number}/bytes"] = (share * _STEPS).round().astype(np.uint8)
        arrays[f"{number}/range"] = np.stack([lowest, highest])
    facts = {"format": FORMAT, "epoch": epoch, "layers": layers}
    artifacts.save(snapshot_name("maps", epoch), arrays, facts, durable=False)


def map_image_indices(folder: Path, epoch: int) -> tuple[int, ...]:
    """Return the official indices of the test images with stored maps; none if unreadable."""
    try:
        arrays, _facts = load_arrays(snapshot_path(folder, "maps", epoch))
        return tuple(arrays["indices"].tolist())
    except (ArtifactMissing, ArtifactDamaged, KeyError):
        return ()


def load_maps(folder: Path, epoch: int, image: int) -> tuple[StoredOutput, ...]:
    """Load every layer's output for one test image, in the order of the layers.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    missing = ArtifactMissing(
        "Run {run_id} has no saved feature maps of test image {image} for epoch {epoch}. Choose "
        "another epoch, or a pinned image.",
        run_id=folder.name,
        image=image,
        epoch=epoch,
    )
    damaged = ArtifactDamaged(
        "The feature maps of epoch {epoch} of run {run_id} are damaged. Choose another epoch.",
        epoch=epoch,
        run_id=folder.name,
    )
    path = snapshot_path(folder, "maps", epoch)
    arrays, facts = load_arrays(path, missing=missing, damaged=damaged)
    if facts.get("format") != FORMAT:
        raise UnknownFormat(
            "The feature maps of epoch {epoch} of run {run_id} were written by another "
            "version of cifarviz. Choose another epoch.",
            epoch=epoch,
            run_id=folder.name,
        )
    try:
        positions = np.flatnonzero(arrays["indices"] == image)
        if not len(positions):
            raise missing
        return tuple(
            StoredOutput(name, type_, _values(arrays, number, int(positions[0])))
            for number, (name, type_) in enumerate(facts["layers"])
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise damaged from error


def _values(arrays: dict[str, np.ndarray], number: int, position: int) -> NDArray[np.float32]:
    if f"{number}/values" in arrays:
        return arrays[f"{number}/values"][position].astype(np.float32)
    steps = arrays[f"{number}/bytes"][position].astype(np.float32) / _STEPS
    lowest, highest = arrays[f"{number}/range"][:, position]
    return np.asarray(lowest + steps * (highest - lowest), np.float32)
