"""The images that a run was trained on, and others of the same kind, as far as they are here."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cifarviz.data import library
from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.splits import Positions
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.split_positions import train_positions
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import check_run_data
from cifarviz.settings import Settings


@dataclass(frozen=True, eq=False)
class RunImages:
    """Images that a network was trained on, and ``reference`` images that it was not trained on.

    ``reference`` are validation images if the run held some back and they are here, else test
    images. Labels are the true ones. Where there are more, those
    taken are drawn at random, always the same.
    """

    train: ImageSet
    reference: ImageSet
    reference_split: Literal["validation", "test"]


def load_run_images(
    run: Run, settings: Settings, *, most_train: int, most_reference: int
) -> RunImages:
    """Load at most so many of each, from the sample where the full set is missing.

    Raises ``DatasetNotFound``, ``DatasetChanged`` and ``DatasetDamaged``.
    """
    check_run_data(run)
    data = run.experiment.data
    dataset = library.load_or_sample(data.dataset, data.variant, settings)
    train, held_back = _positions_here(run.experiment, dataset)
    split: Literal["validation", "test"] = "validation" if len(held_back) else "test"
    source = dataset.train if len(held_back) else dataset.test
    reference = held_back if len(held_back) else np.arange(len(dataset.test))
    return RunImages(
        _draw(dataset.train, train, most_train), _draw(source, reference, most_reference), split
    )


def _positions_here(experiment: Experiment, dataset: Dataset) -> tuple[Positions, Positions]:
    """The positions in ``dataset.train`` of a run's training and validation images."""
    if dataset.variant == experiment.data.variant:
        return train_positions(experiment, len(dataset.train))
    # The sample of a set whose full variant was trained on.
    parts = train_positions(experiment, dataset.info.train_images)
    train, held_back = (
        np.flatnonzero(np.isin(dataset.train.indices, indices)) for indices in parts
    )
    return train, held_back


def _draw(images: ImageSet, positions: Positions, most: int) -> ImageSet:
    drawn = np.random.default_rng(0).permutation(positions)[:most]
    # In order, as the images may be read from the disk.
    return images.take(np.sort(drawn))
