"""Histograms of each layer's weights, gradients and activations after an epoch.

They are small, so that they are stored after every epoch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs.artifacts import Artifacts, load_arrays
from cifarviz.runs.snapshots import snapshot_name, snapshot_path

FORMAT: Final = 1
BINS: Final = 64
NUMBERS: Final = ("low", "high", "norm", "dead")

HistogramKind = Literal["weights", "gradients", "activations"]


class Sample(Protocol):
    """Some values of a layer, and facts about all of them (``network.LayerSample``)."""

    @property
    def name(self) -> str: ...
    @property
    def values(self) -> NDArray[np.float32]: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def norm(self) -> float: ...
    @property
    def dead(self) -> float: ...


@dataclass(frozen=True, eq=False)
class LayerHistogram:
    """A layer's values: ``counts`` uint16 (``BINS``,) in equal bins from ``low`` to ``high``.

    ``norm`` is the root of the sum of squares of all values, ``dead`` the share of units, 0 to 1,
    with the same value for all images. Values that are not finite are not counted; then ``low``,
    ``high`` or ``norm`` may not be finite either.
    """

    name: str
    counts: NDArray[np.uint16]
    low: float
    high: float
    norm: float
    dead: float = 0.0


Histograms = Mapping[HistogramKind, tuple[LayerHistogram, ...]]
"""The histograms after an epoch, in the order of the layers."""


def make_histogram(sample: Sample) -> LayerHistogram:
    """Count the values of a sample."""
    low, high = sample.low, sample.high
    counts = np.zeros(BINS, np.uint16)
    if np.isfinite(low) and np.isfinite(high):
        values = sample.values[np.isfinite(sample.values)]
        # In float64: the range of a diverging network's values may overflow.
        counts = np.histogram(values.astype(np.float64), BINS, (low, high))[0].astype(np.uint16)
    return LayerHistogram(sample.name, counts, low, high, sample.norm, sample.dead)


def save_histograms(artifacts: Artifacts, epoch: int, histograms: Histograms) -> None:
    """Save the histograms after ``epoch``; raises ``StorageFull``."""
    arrays: dict[str, np.ndarray] = {}
    for kind, layers in histograms.items():
        counts = np.array([layer.counts for layer in layers], np.uint16)
        arrays[f"{kind}/counts"] = counts.reshape(-1, BINS)
        numbers = [[getattr(layer, name) for name in NUMBERS] for layer in layers]
        arrays[f"{kind}/numbers"] = np.array(numbers, np.float32).reshape(-1, len(NUMBERS))
    names = {kind: [layer.name for layer in layers] for kind, layers in histograms.items()}
    facts = {"format": FORMAT, "epoch": epoch, "layers": names}
    artifacts.save(snapshot_name("histograms", epoch), arrays, facts, durable=False)


def load_histograms(folder: Path, epoch: int) -> Histograms:
    """Load what ``save_histograms`` wrote.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    damaged = ArtifactDamaged(
        "The histograms of epoch {epoch} of run {run_id} are damaged. The other epochs still work.",
        epoch=epoch,
        run_id=folder.name,
    )
    arrays, facts = load_arrays(
        snapshot_path(folder, "histograms", epoch),
        missing=ArtifactMissing(
            "Run {run_id} has no histograms for epoch {epoch}: old ones are removed to make "
            "space. Choose another epoch.",
            run_id=folder.name,
            epoch=epoch,
        ),
        damaged=damaged,
    )
    if facts.get("format") != FORMAT:
        raise UnknownFormat(
            "The histograms of epoch {epoch} of run {run_id} were written by another version of "
            "cifarviz. The other epochs still work.",
            epoch=epoch,
            run_id=folder.name,
        )
    try:
        return {
            kind: tuple(_layers(arrays, kind, facts["layers"][kind]))
            for kind in get_args(HistogramKind)
            if kind in facts["layers"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise damaged from error


def _layers(
    arrays: Mapping[str, np.ndarray], kind: str, names: list[Any]
) -> Iterable[LayerHistogram]:
    counts, numbers = arrays[f"{kind}/counts"], arrays[f"{kind}/numbers"]
    if counts.shape != (len(names), BINS) or numbers.shape != (len(names), len(NUMBERS)):
        raise ValueError(f"{kind} have arrays of shapes {counts.shape} and {numbers.shape}.")
    for name, own_counts, own_numbers in zip(names, counts, numbers.tolist(), strict=True):
        yield LayerHistogram(str(name), own_counts.astype(np.uint16), *own_numbers)
