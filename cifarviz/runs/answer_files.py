"""Files of what a network predicted for images, and which images they are.

Of format 2 they hold ``log_probabilities``; of format 1, of earlier versions, ``probabilities``.
"""

from collections.abc import Callable
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
    path: Path,
    classes: int,
    *,
    missing: ArtifactMissing,
    unknown: Callable[..., UnknownFormat],
    damaged: ArtifactDamaged,
) -> AnswerFile:
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
        return AnswerFile(Predictions.from_probabilities(values), indices, facts)
    return AnswerFile(Predictions(values.astype(np.float32, copy=False)), indices, facts)
