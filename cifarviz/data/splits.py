"""Splitting training images into training and validation images."""

import math

import numpy as np
import numpy.typing as npt

from cifarviz.errors import ExperimentInvalid
from cifarviz.loading import HEAVY_IMPORTS

Positions = npt.NDArray[np.int64]


def train_validation_split(n: int, fraction: float, seed: int) -> tuple[Positions, Positions]:
    """Split the positions 0..n-1 into training and validation positions, shuffled.

    Uses scikit-learn's ``train_test_split(np.arange(n), test_size=fraction, random_state=seed)``,
    so that published splits are reproduced exactly. Raises ``ExperimentInvalid`` if either part
    would be empty.
    """
    if not 0.0 < fraction < 1.0:
        raise ExperimentInvalid(
            "The validation fraction must be between 0 and 1, not {fraction:g}.",
            fraction=fraction,
        )
    if not 0 <= seed < 2**32:
        raise ExperimentInvalid(
            "The split seed must be a whole number from 0 to 4294967295, not {seed}.",
            seed=seed,
        )
    if n - math.ceil(fraction * n) < 1:
        raise ExperimentInvalid(
            "A validation fraction of {fraction:g} of {images:,} images leaves none for training. "
            "Choose another fraction or more images.",
            fraction=fraction,
            images=n,
        )
    with HEAVY_IMPORTS:
        from sklearn.model_selection import train_test_split

    train, validation = train_test_split(
        np.arange(n, dtype=np.int64), test_size=fraction, random_state=seed
    )
    return train, validation
