"""Files of what a network said about images: probabilities, and which images they are about."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs.artifacts import load_arrays


class AnswerFile(NamedTuple):
    """``probabilities`` float32 (n, classes), ``indices`` int64 (n,), and the file's facts."""

    probabilities: NDArray[np.float32]
    indices: NDArray[np.int64]
    facts: dict[str, Any]


def load_answers(
    path: Path, wanted: int, classes: int, *, missing: str, unknown: str, damaged: str
) -> AnswerFile:
    """Read a file of the format ``wanted``.

    Raises, with these words, ``ArtifactMissing``, ``UnknownFormat`` and ``ArtifactDamaged``.
    """
    if not path.is_file():
        raise ArtifactMissing(missing)
    arrays, facts = load_arrays(path, missing=missing, damaged=damaged)
    if facts.get("format") != wanted:
        raise UnknownFormat(unknown.format(found=facts.get("format")))
    probabilities, indices = arrays.get("probabilities"), arrays.get("indices")
    if probabilities is None or indices is None or probabilities.shape != (len(indices), classes):
        raise ArtifactDamaged(damaged)
    return AnswerFile(probabilities.astype(np.float32, copy=False), indices, facts)
