"""What a run trains on: the arrays, the scaling and the order of images, from an experiment."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.splits import Positions, train_validation_split
from cifarviz.data.statistics import channel_mean_std
from cifarviz.data.wrong_labels import count_wrong_labels, with_wrong_labels, wrong_label_order
from cifarviz.datasets.arrays import Labels
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.experiment import Experiment, SplitValidation, TestValidation
from cifarviz.experiment.preprocessing import Scaling, Standardize, scaling

# Streams of random numbers that must not meet: [seed, epoch] is the order of an epoch.
_SUBSET_STREAM = 2**32 - 1
MOST_WATCHED: Final = 500
"""So many images with wrong labels at most, and as many with right ones, are followed."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that the data decide about a run.

    ``train`` has the labels that are trained on, some of them wrong where the experiment says so;
    ``right_labels`` (n,) are the right ones of the same images. ``watched`` int64 are the
    positions in ``train`` whose images are followed from epoch to epoch: none without wrong labels.
    """

    train: ImageSet
    validation: ImageSet | None
    scaling: Scaling
    batch_size: int
    right_labels: Labels
    watched: NDArray[np.int64]

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch; the last one may be smaller."""
        return -(-len(self.train) // self.batch_size)


def make_plan(experiment: Experiment, dataset: Dataset) -> Plan:
    """Split, limit and measure the data as the experiment asks.

    Means and deviations are measured on the whole training set of the chosen variant, before
    it is split. With fewer ``train_images`` the same seed takes the same images, and a larger
    number contains those of a smaller one. Raises ``ExperimentInvalid``.
    """
    check_plan(experiment, dataset)
    images = training_images(experiment, dataset)
    return Plan(
        images.given,
        images.validation,
        _scaling(experiment, dataset),
        experiment.batch_size,
        images.right_labels,
        _watched(images.given, images.right_labels, experiment.data.wrong_labels_seed),
    )


class LabelledImages(NamedTuple):
    """The images to train on with their ``given`` labels and the right ones, (n,), and those
    to validate on."""

    given: ImageSet
    right_labels: Labels
    validation: ImageSet | None


def training_images(experiment: Experiment, dataset: Dataset) -> LabelledImages:
    """Split and limit the data, and make labels wrong, as the experiment asks."""
    parts = split_positions(experiment, len(dataset.train))
    train, validation = dataset.train, None
    if parts is not None:
        train, validation = (dataset.train.take(part) for part in parts)
    elif isinstance(experiment.validation, TestValidation):
        validation = dataset.test
    data = experiment.data
    if data.train_images is not None and data.train_images < len(train):
        stream = np.random.default_rng([experiment.seed, _SUBSET_STREAM])
        train = train.take(stream.permutation(len(train))[: data.train_images])
    given = with_wrong_labels(
        train, data.wrong_labels, data.wrong_labels_seed, len(dataset.info.classes)
    )
    return LabelledImages(given, train.labels, validation)


def watched_images(wrong_labels: float, train_images: int) -> int:
    """How many training images a plan with this share of wrong labels follows."""
    wrong = count_wrong_labels(wrong_labels, train_images)
    return min(wrong, MOST_WATCHED) + min(wrong, MOST_WATCHED, train_images - wrong)


def _watched(given: ImageSet, right: Labels, seed: int) -> NDArray[np.int64]:
    """The first with wrong labels, by their turn, and as many of those that would be next."""
    order = wrong_label_order(given.indices, seed)
    wrong = (given.labels != right)[order]
    most = min(int(wrong.sum()), MOST_WATCHED)
    return np.concatenate([order[wrong][:most], order[~wrong][:most]])


def split_positions(
    experiment: Experiment, train_images: int
) -> tuple[Positions, Positions] | None:
    """The positions to train on and those held back for validation, where that is a split."""
    if not isinstance(experiment.validation, SplitValidation):
        return None
    return train_validation_split(
        train_images, experiment.validation.fraction, experiment.validation.seed
    )


def check_plan(experiment: Experiment, dataset: Dataset) -> None:
    """Raise ``ExperimentInvalid`` if the experiment can't be trained on this data set."""
    if tuple(dataset.info.image_shape) != tuple(experiment.architecture.input_shape):
        raise ExperimentInvalid(
            "{dataset} has images of {image_shape}, but the network expects {input_shape}.",
            dataset=dataset.info.title,
            image_shape=_cross(dataset.info.image_shape),
            input_shape=_cross(experiment.architecture.input_shape),
        )
    experiment.check_against(len(dataset.train), len(dataset.test))


def epoch_order(seed: int, epoch: int, images: int) -> np.ndarray:
    """The order of the images in one epoch (from 1): a permutation of ``range(images)``."""
    return np.random.default_rng([seed, epoch]).permutation(images)


def _scaling(experiment: Experiment, dataset: Dataset) -> Scaling:
    channels = dataset.info.image_shape[2]
    if isinstance(experiment.preprocessing, Standardize):
        mean, std = channel_mean_std(dataset.train.images)
    else:
        mean, std = np.zeros(channels), np.ones(channels)
    return scaling(experiment.preprocessing, mean.tolist(), std.tolist(), channels)


def _cross(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
