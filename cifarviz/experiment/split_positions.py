"""Which training images of a data set an experiment trains on, and which it holds back."""

import numpy as np

from cifarviz.data.splits import Positions, train_validation_split
from cifarviz.experiment.experiment import Experiment, SplitValidation

# Not an epoch, so that it is no [seed, epoch], which gives the order of an epoch.
_SUBSET_STREAM = 2**32 - 1


def split_positions(
    experiment: Experiment, train_images: int
) -> tuple[Positions, Positions] | None:
    """Return the training and the validation positions, or ``None`` without a split."""
    if not isinstance(experiment.validation, SplitValidation):
        return None
    return train_validation_split(
        train_images, experiment.validation.fraction, experiment.validation.seed
    )


def train_positions(experiment: Experiment, train_images: int) -> tuple[Positions, Positions]:
    """Return which of so many training images are trained on, and which are held back.

    The second is empty without a split.
    """
    parts = split_positions(experiment, train_images)
    train, validation = parts or (np.arange(train_images), np.arange(0))
    limit = experiment.data.train_images
    if limit is not None and limit < len(train):
        stream = np.random.default_rng([experiment.seed, _SUBSET_STREAM])
        train = train[stream.permutation(len(train))[:limit]]
    return train, validation
