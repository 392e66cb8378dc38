"""Images of a run's data set: the image in the address, its neighbours, the splits."""

from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data.image_set import Dataset, ImageSet, Split
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import DatasetNotFound, ExperimentInvalid
from cifarviz.experiment.split_positions import split_positions, train_positions
from cifarviz.layers.base import format_shape
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import check_run_data
from cifarviz.ui import cache
from cifarviz.ui.address import whole_number

SPLIT_LABELS: Final[dict[Split, str]] = {"test": "Test image", "train": "Training image"}
_LONGEST = 40


@dataclass(frozen=True, eq=False)
class DatasetImage:
    """An image of a data set: ``pixels`` uint8 (h, w, c), ``actual`` the index of its class."""

    dataset: str
    split: Split
    index: int
    pixels: NDArray[np.uint8]
    actual: int

    @property
    def title(self) -> str:
        """The image's split and index, such as ``Test image 23``."""
        return f"{SPLIT_LABELS[self.split]} {self.index}"


Indices = NDArray[np.int64]


def dataset_from_query(otherwise: str) -> DatasetInfo:
    """Return the data set in the address, else ``otherwise``; raises ``DatasetNotFound``."""
    name = st.query_params.get("dataset", otherwise)
    return find_dataset(name)


def split_from_query() -> Split:
    """Return the split in the address, else ``"test"``; raises ``DatasetNotFound``."""
    name = st.query_params.get("split", "test")
    split: Split | None = next((known for known in get_args(Split) if known == name), None)
    if split is None:
        raise DatasetNotFound("There is no split {name}: choose test or train.", name=_quote(name))
    return split


def available_images(run: Run, split: Split, info: DatasetInfo | None = None) -> ImageSet:
    """Return the images of the full set if it is on this machine, else of the sample.

    ``info``: another data set than the run's. Raises ``DatasetChanged`` if the run's own has other
    images of this split by now, and ``DatasetNotFound``.
    """
    trained_on = run.experiment.data.dataset
    name = trained_on if info is None else info.name
    if name == trained_on:
        check_run_data(run, split)
    return cache.nearest_dataset(name, "full").split(split)


def check_shape(info: DatasetInfo, shape: tuple[int, int, int]) -> None:
    """Raise ``ExperimentInvalid`` unless the network takes images of this data set."""
    if info.image_shape != shape:
        raise ExperimentInvalid(
            "This network takes images of {shape} values, but those of {dataset} have "
            "{image_shape}. Choose a run on {dataset}, or train one.",
            dataset=info.title,
            image_shape=format_shape(info.image_shape),
            shape=format_shape(shape),
        )


def find_image(text: str, images: ImageSet, info: DatasetInfo, split: Split) -> DatasetImage:
    """Return the image with the index in ``text``; raises ``DatasetNotFound``."""
    index = whole_number(text)
    total = info.train_images if split == "train" else info.test_images
    if index is None or index >= total:
        raise DatasetNotFound(
            "{split}s of {dataset} have the numbers 0 to {highest:,}; got {given}.",
            split=SPLIT_LABELS[split],
            dataset=info.title,
            highest=total - 1,
            given=_quote(text),
        )
    position = images.position_of(index)
    if position is None:
        near = [f"{other:,}" for other in neighbours(index, images) if other is not None]
        raise DatasetNotFound(
            "{split} {index:,} is not among the {count:,} of the embedded sample; the nearest is "
            "{near}. The full set has it: see the Data page."
            if len(near) == 1
            else "{split} {index:,} is not among the {count:,} of the embedded sample; the nearest "
            "are {near}. The full set has it: see the Data page.",
            split=SPLIT_LABELS[split],
            index=index,
            count=len(images),
            near=" and ".join(near),
        )
    return DatasetImage(
        info.name, split, index, images.images[position], int(images.labels[position])
    )


def neighbours(index: int, images: ImageSet) -> tuple[int | None, int | None]:
    """Return the indices of the previous and the next image, ``None`` at the ends."""
    ordered = np.sort(images.indices)
    before, after = ordered[ordered < index], ordered[ordered > index]
    return (
        int(before[-1]) if len(before) else None,
        int(after[0]) if len(after) else None,
    )


def _quote(text: str) -> str:
    # Errors are escaped where they are shown.
    return f"“{text}”" if len(text) <= _LONGEST else f"“{text[:_LONGEST]}…”"


def train_indices(run: Run) -> Indices:
    """Return the indices of a run's training and validation images together.

    Raises ``DatasetNotFound`` and ``DatasetDamaged``.
    """
    check_run_data(run, "train")
    data = run.experiment.data
    if data.variant == "full":
        return np.arange(find_dataset(data.dataset).train_images)
    return cache.run_dataset(run).train.indices


def validation_indices(run: Run) -> Indices | None:
    """Return the indices of a run's validation images; ``None`` without a split."""
    train = train_indices(run)
    parts = split_positions(run.experiment, len(train))
    return None if parts is None else train[parts[1]]


def training_images(run: Run) -> ImageSet:
    """Return the images a run was trained on that are on this machine, without validation images.

    There may be none. Raises ``DatasetNotFound`` and ``DatasetDamaged``.
    """
    indices = train_indices(run)
    positions, _ = train_positions(run.experiment, len(indices))
    train = available_images(run, "train")
    return train.take(np.flatnonzero(np.isin(train.indices, indices[positions])))


def validation_images(run: Run) -> ImageSet | None:
    """Return the validation images that are on this machine.

    ``None`` without a split, or where none of them is available.
    """
    indices = validation_indices(run)
    if indices is None:
        return None
    train = available_images(run, "train")
    here = np.flatnonzero(np.isin(train.indices, indices))
    return train.take(here) if len(here) else None


def available_dataset(run: Run) -> Dataset:
    """Return the data set a run trained on, or its sample where the full set is missing.

    Raises ``DatasetNotFound``, ``DatasetChanged`` where its test images are others by now, and
    ``DatasetDamaged``.
    """
    check_run_data(run, "test")
    data = run.experiment.data
    return cache.nearest_dataset(data.dataset, data.variant)
