"""An image of the data set to predict: one to try, or the one that a link names."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data import library
from cifarviz.data.datasets import DATASETS, DatasetInfo, ImageSet, Split, Variant
from cifarviz.errors import DatasetNotFound, ExperimentInvalid
from cifarviz.experiment.architecture import in_words
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import cache
from cifarviz.ui.address import whole_number
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.navigation import link_to

_TILE = 64
_WORDS: dict[str, str] = {"train": "Training image", "test": "Test image"}


@dataclass(frozen=True, eq=False)
class Example:
    """An image of a data set: ``pixels`` uint8 (h, w, c), ``actual`` the index of its class."""

    split: Split
    index: int
    pixels: NDArray[np.uint8]
    actual: int

    @property
    def title(self) -> str:
        """What the image is called: its split and official index."""
        return f"{_WORDS[self.split]} {self.index:,}"


def examples(info: DatasetInfo) -> None:
    """A test image of each class to click on, and a link to all others."""
    test = cache.dataset(info.name, "sample").test
    shown = test.take([int(np.argmax(test.labels == label)) for label in np.unique(test.labels)])
    names = [info.classes[label] for label in shown.labels]
    clicked = image_grid(
        sprite(shown.images),
        key="predict-examples",
        labels=names,
        tooltips=[f"{name}, test image {i}" for name, i in zip(names, shown.indices, strict=True)],
        colors=[class_color(int(label)) for label in shown.labels],
        size=_TILE,
        selected=_selected(shown),
        description="Test images to try",
    )
    link_to("samples", "Find others on the Samples page", split="test")
    if clicked is not None:
        show_example(int(shown.indices[clicked]))
        st.rerun()


def show_example(index: int) -> None:
    """Put a test image into the address."""
    st.query_params.pop("dataset", None)
    st.query_params.update({"split": "test", "image": str(index)})


def forget_example() -> None:
    """Take the image out of the address."""
    for name in ("dataset", "split", "image"):
        st.query_params.pop(name, None)


def example_in_address(shape: tuple[int, int, int], dataset: str) -> Example | None:
    """The image that the address names, ``None`` if it names none.

    ``shape`` is what the network takes, ``dataset`` what it was trained on. Raises
    ``DatasetNotFound`` and ``ExperimentInvalid``, in words, for what cannot be shown.
    """
    wanted = st.query_params.get("image")
    if wanted is None:
        return None
    info = _named_dataset(dataset)
    named = st.query_params.get("split", "test")
    split: Split | None = next((one for one in get_args(Split) if one == named), None)
    if split is None:
        raise DatasetNotFound(f"There are no images called “{named[:40]}”: it is test or train.")
    if info.image_shape != shape:
        raise ExperimentInvalid(
            f"Images of {info.title} have {in_words(info.image_shape)} values, and this network "
            f"takes {in_words(shape)}. Choose another run."
        )
    total = info.train_images if split == "train" else info.test_images
    index = whole_number(wanted)
    if index is None or index >= total:
        raise DatasetNotFound(
            f"{_WORDS[split]}s of {info.title} are numbered 0 to {total - 1:,}; “{wanted[:40]}” "
            "is none of them."
        )
    full = library.status(info, cache.settings()).full_available
    variant: Variant = "full" if full else "sample"
    images = cache.dataset(info.name, variant).split(split)
    position = images.position_of(index)
    if position is None:
        raise DatasetNotFound(
            f"{_WORDS[split]} {index:,} is not among the {len(images):,} of the embedded sample. "
            "The Start page fetches the full set."
        )
    return Example(split, index, images.images[position], int(images.labels[position]))


def _named_dataset(otherwise: str) -> DatasetInfo:
    name = st.query_params.get("dataset", otherwise)
    if name not in DATASETS:
        raise DatasetNotFound(
            f"There is no data set called “{name[:40]}”. Choose one of: {', '.join(DATASETS)}."
        )
    return DATASETS[name]


def _selected(shown: ImageSet) -> int | None:
    index = whole_number(st.query_params.get("image"))
    if index is None or st.query_params.get("split", "test") != "test":
        return None
    return shown.position_of(index)
