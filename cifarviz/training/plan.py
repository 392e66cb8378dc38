"""The training data of a run: arrays, scaling and order of images, from an experiment."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.statistics import channel_mean_std
from cifarviz.data.wrong_labels import count_wrong_labels, with_wrong_labels, wrong_label_order
from cifarviz.datasets.arrays import Labels
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.experiment import Experiment, TestValidation
from cifarviz.experiment.preprocessing import Scaling, Standardize, scaling
from cifarviz.experiment.split_positions import train_positions
from cifarviz.training.class_balance import balanced_order

MAX_TRACKED: Final = 500
"""The most images with wrong labels that are tracked; as many with correct ones are, too."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The images, scaling and batches of a run.

    ``train`` has the labels to train on, some of them wrong if the experiment wants it;
    ``true_labels`` (n,) are the correct ones of the same images. ``tracked`` int64 are positions in
    ``train`` of the images that are tracked over all epochs: none without wrong labels.
    """

    train: ImageSet
    validation: ImageSet | None
    scaling: Scaling
    batch_size: int
    true_labels: Labels
    tracked: NDArray[np.int64]

    @property
    def steps_per_epoch(self) -> int:
        """Batches per epoch; the last may be smaller."""
        return -(-len(self.train) // self.batch_size)


def make_plan(experiment: Experiment, dataset: Dataset) -> Plan:
    """Split, limit and measure the data of an experiment.

    Means and deviations are measured on the whole training set of the chosen variant, before
    it is split. With fewer ``train_images`` the same seed takes the same images, and a larger
    number contains those of a smaller one. Raises ``ExperimentInvalid``.
    """
    check_plan(experiment, dataset)
    images = training_images(experiment, dataset)
    return Plan(
        images.train,
        images.validation,
        _scaling(experiment, dataset),
        experiment.batch_size,
        images.true_labels,
        _tracked_positions(images.train, images.true_labels, experiment.data.wrong_labels_seed),
    )


class TrainingImageSets(NamedTuple):
    """The images to train on, whose labels may be wrong, their ``true_labels`` (n,), and the
    images to validate on."""

    train: ImageSet
    true_labels: Labels
    validation: ImageSet | None


def training_images(experiment: Experiment, dataset: Dataset) -> TrainingImageSets:
    """Split and limit the data of an experiment, and replace labels with wrong ones."""
    train, validation = dataset.train, None
    learned, held_back = train_positions(experiment, len(train))
    if len(held_back):
        validation = train.take(held_back)
    elif isinstance(experiment.validation, TestValidation):
        validation = dataset.test
    if len(learned) < len(train):
        train = train.take(learned)
    data = experiment.data
    noisy = with_wrong_labels(
        train, data.wrong_labels, data.wrong_labels_seed, len(dataset.info.classes)
    )
    return TrainingImageSets(noisy, train.labels, validation)


def tracked_image_count(wrong_labels: float, train_images: int) -> int:
    """Return how many training images are tracked at this share of wrong labels."""
    wrong = count_wrong_labels(wrong_labels, train_images)
    return min(wrong, MAX_TRACKED) + min(wrong, MAX_TRACKED, train_images - wrong)


def _tracked_positions(train: ImageSet, true_labels: Labels, seed: int) -> NDArray[np.int64]:
    """Return the first positions with wrong labels, and as many with correct ones, in order."""
    order = wrong_label_order(train.indices, seed)
    wrong = (train.labels != true_labels)[order]
    most = min(int(wrong.sum()), MAX_TRACKED)
    return np.concatenate([order[wrong][:most], order[~wrong][:most]])


def check_plan(experiment: Experiment, dataset: Dataset) -> None:
    """Raise ``ExperimentInvalid`` if the experiment can't be trained on this data set."""
    if tuple(dataset.info.image_shape) != tuple(experiment.architecture.input_shape):
        raise ExperimentInvalid(
            "{dataset} has images of {image_shape}, but the network expects {input_shape}.",
            dataset=dataset.info.title,
            image_shape=_format_shape(dataset.info.image_shape),
            input_shape=_format_shape(experiment.architecture.input_shape),
        )
    experiment.check_against(len(dataset.train), len(dataset.test))


def epoch_order(seed: int, epoch: int, images: int, balanced: Labels | None = None) -> np.ndarray:
    """Return the order of the images in an epoch (from 1): a permutation of ``range(images)``.

    With their labels as ``balanced``: as many images, resampled so that all classes are equally
    frequent.
    """
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(images) if balanced is None else balanced_order(balanced, rng)


def _scaling(experiment: Experiment, dataset: Dataset) -> Scaling:
    channels = dataset.info.image_shape[2]
    if isinstance(experiment.preprocessing, Standardize):
        mean, std = channel_mean_std(dataset.train.images)
    else:
        mean, std = np.zeros(channels), np.ones(channels)
    return scaling(experiment.preprocessing, mean.tolist(), std.tolist(), channels)


def _format_shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
