"""Which training images a run never learned from, because it was judged by them."""

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.registry import find
from cifarviz.runs.records import Run
from cifarviz.training.plan import split_positions
from cifarviz.ui import cache
from cifarviz.ui.named_image import images_of

Indices = NDArray[np.int64]


def train_indices(run: Run) -> Indices:
    """The official indices of the images that ``run`` had to learn from and to validate by.

    Raises ``DatasetNotFound`` and ``DatasetDamaged``.
    """
    data = run.experiment.data
    if data.variant == "full":
        return np.arange(find(data.dataset).train_images)
    return cache.dataset(data.dataset, data.variant).train.indices


def held_back(run: Run) -> Indices | None:
    """Those of them that were held back for validation; ``None`` without a split."""
    train = train_indices(run)
    parts = split_positions(run.experiment, len(train))
    return None if parts is None else train[parts[1]]


def held_back_images(run: Run) -> ImageSet | None:
    """The held-back images there are here: those of the sample where the full set is not.

    ``None`` without a split, or where none of them is here.
    """
    indices = held_back(run)
    if indices is None:
        return None
    train = images_of(find(run.experiment.data.dataset), "train")
    here = np.flatnonzero(np.isin(train.indices, indices))
    return train.take(here) if len(here) else None
