"""The numbers of training and validation images of an experiment."""

from dataclasses import dataclass
from math import ceil

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import NoValidation, SplitValidation, TestValidation, Validation


@dataclass(frozen=True)
class SplitSizes:
    """Numbers of training and validation images, and steps per epoch."""

    train: int
    validation: int
    steps_per_epoch: int
    """Includes the last step, which may have fewer images."""


def compute_split_sizes(
    validation: Validation,
    wanted: int | None,
    batch_size: int,
    *,
    train_images: int,
    test_images: int,
) -> SplitSizes:
    """Compute the numbers of images and steps for a data set of this size.

    ``wanted`` limits the training images after the split, which is counted like scikit-learn's
    ``train_test_split``. Raises ``ExperimentInvalid`` if a setting needs more images than there
    are, or leaves none.
    """
    train, held_out = train_images, 0
    match validation:
        case SplitValidation(fraction=fraction):
            held_out = ceil(fraction * train_images)
            train = train_images - held_out
            if train < 1 or held_out < 1:
                raise ExperimentInvalid(
                    "A validation fraction of {fraction:g} of {train_images:,} images leaves none "
                    "for training. Choose another fraction or more images."
                    if train < 1
                    else "A validation fraction of {fraction:g} of {train_images:,} images leaves "
                    "none for validation. Choose another fraction or more images.",
                    fraction=fraction,
                    train_images=train_images,
                )
        case TestValidation():
            held_out = test_images
            if held_out < 1:
                raise ExperimentInvalid(
                    "You chose validation on the test images, and this data set has none. "
                    "Validate on a split, or not at all."
                )
        case NoValidation():
            pass
    if train < 1:
        raise ExperimentInvalid("There are no training images in this data set.")
    if wanted is not None and wanted > train:
        raise ExperimentInvalid(
            "You chose {wanted:,} training images and there are {train:,} after the split. "
            "Choose fewer, or the full data set."
            if isinstance(validation, SplitValidation)
            else "You chose {wanted:,} training images and there are {train:,}. "
            "Choose fewer, or the full data set.",
            wanted=wanted,
            train=train,
        )
    train = train if wanted is None else wanted
    if batch_size > train:
        raise ExperimentInvalid(
            "The batch size {batch_size:,} is larger than the {train:,} training images. "
            "Choose a batch size of at most {train:,}.",
            batch_size=batch_size,
            train=train,
        )
    return SplitSizes(train, held_out, ceil(train / batch_size))
