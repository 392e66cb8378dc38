"""Predictions as log-probabilities, and their files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs.artifacts import load_arrays

Rounded = TypeVar("Rounded", bound=np.floating[Any])


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for n images.

    ``log_probabilities`` float32 (n, classes), natural logarithms. They are not ``exact`` where
    an earlier version stored probabilities: 0 is replaced by the smallest positive number of the
    file's type, so a loss may be too low.
    """

    log_probabilities: NDArray[np.float32]
    exact: bool = True

    def __post_init__(self) -> None:
        # Many sessions share them.
        view = self.log_probabilities.view()
        view.flags.writeable = False
        object.__setattr__(self, "log_probabilities", view)

    @classmethod
    def from_probabilities(cls, probabilities: NDArray[np.floating[Any]]) -> "Predictions":
        """Return inexact predictions, from stored probabilities (n, classes)."""
        smallest = np.finfo(probabilities.dtype).smallest_subnormal
        logs = np.log(np.maximum(probabilities, smallest).astype(np.float64))
        return cls(round_keeping_best(np.float32, logs, like=probabilities), exact=False)

    def __len__(self) -> int:
        return len(self.log_probabilities)

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """float32 (n, classes), 0 to 1, read-only; each row keeps its most probable class."""
        logs = self.log_probabilities
        found = round_keeping_best(np.float32, np.exp(logs.astype(np.float64)), like=logs)
        found.flags.writeable = False
        return found


FORMAT = 2
_FORMATS = (1, FORMAT)


class PredictionsFile(NamedTuple):
    """``predictions`` for n images, their ``indices`` int64 (n,), and the file's facts."""

    predictions: Predictions
    indices: NDArray[np.int64]
    facts: dict[str, Any]


def round_keeping_best(
    kind: type[Rounded], values: NDArray[np.floating[Any]], *, like: NDArray[np.floating[Any]]
) -> NDArray[Rounded]:
    """Round ``values`` (n, classes) to ``kind``; each row keeps the class highest in ``like``."""
    rounded = values.astype(kind)
    rows = np.arange(len(rounded))
    best = like.argmax(axis=1)
    lost = rounded.argmax(axis=1) != best
    # Rounding made a tie; the next larger number breaks it.
    rounded[rows[lost], best[lost]] = np.nextafter(rounded[rows[lost], best[lost]], kind(2))
    return rounded


def load_predictions_file(
    path: Path,
    classes: int,
    *,
    missing: ArtifactMissing,
    unknown: Callable[..., UnknownFormat],
    damaged: ArtifactDamaged,
) -> PredictionsFile:
    """Read a file of either format.

    Raises ``missing``, ``damaged``, and what ``unknown`` makes of the format's number ``found``.
    """
    if not path.is_file():
        raise missing
    arrays, facts = load_arrays(path, missing=missing, damaged=damaged)
    if facts.get("format") not in _FORMATS:
        raise unknown(found=facts.get("format"))
    name = "probabilities" if facts["format"] == 1 else "log_probabilities"
    values, indices = arrays.get(name), arrays.get("indices")
    # A file may come from another home.
    if values is None or indices is None or values.shape != (*indices.shape[:1], classes):
        raise damaged
    if not np.issubdtype(values.dtype, np.floating):
        raise damaged
    if facts["format"] == 1:
        return PredictionsFile(Predictions.from_probabilities(values), indices, facts)
    return PredictionsFile(Predictions(values.astype(np.float32, copy=False)), indices, facts)
