"""Files of what a network predicted for images, and which images they are.

Of format 2 they hold ``log_probabilities``; of format 1, of earlier versions, ``probabilities``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs.artifacts import load_arrays
from cifarviz.runs.log_probabilities import Predictions

FORMAT = 2
_FORMATS = (1, FORMAT)


class AnswerFile(NamedTuple):
    """``predictions`` for n images, their ``indices`` int64 (n,), and the file's facts."""

    predictions: Predictions
    indices: NDArray[np.int64]
    facts: dict[str, Any]


def load_answers(
    path: Path, classes: int, *, missing: str, unknown: str, damaged: str
) -> AnswerFile:
    """Read a file of either format.

    Raises, with these words, ``ArtifactMissing``, ``UnknownFormat`` and ``ArtifactDamaged``.
    """
    if not path.is_file():
        raise ArtifactMissing(missing)
    arrays, facts = load_arrays(path, missing=missing, damaged=damaged)
    if facts.get("format") not in _FORMATS:
        raise UnknownFormat(unknown.format(found=facts.get("format")))
    predictions, indices = predictions_in(arrays), arrays.get("indices")
    if (
        predictions is None
        or indices is None
        or predictions.log_probabilities.shape != (len(indices), classes)
    ):
        raise ArtifactDamaged(damaged)
    return AnswerFile(predictions, indices, facts)


def predictions_in(arrays: Mapping[str, np.ndarray]) -> Predictions | None:
    """The predictions among the arrays of a file of either format; ``None`` if there are none."""
    logs, probabilities = arrays.get("log_probabilities"), arrays.get("probabilities")
    if logs is not None and np.issubdtype(logs.dtype, np.floating):
        return Predictions(logs.astype(np.float32, copy=False))
    if probabilities is not None and np.issubdtype(probabilities.dtype, np.floating):
        return Predictions.from_probabilities(probabilities)
    return None
