"""The picture and the network that are chosen on Predict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data.pictures import Crop
from cifarviz.figures.sprite import sprite
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui.dataset_images import DatasetImage

MAX_SIDE: Final = 224
"""CSS pixels that a picture may be wide and high; a multiple of the data sets' own sizes."""


@dataclass(frozen=True, eq=False)
class Source:
    """The user's own picture as it came: ``"uploaded"`` or ``"taken"`` by the camera.

    ``id`` is that of the file. ``thumbnail`` uint8 (h, w, 3) has at most ``MAX_SIDE`` pixels per
    side; ``about`` is the size and format. ``crop`` is the part that the network gets, ``None``
    if it gets all of it.
    """

    id: str
    thumbnail: NDArray[np.uint8]
    about: str
    came: Literal["uploaded", "taken"]
    crop: Crop | None


@dataclass(frozen=True, eq=False)
class ChosenPicture:
    """An image of the data set, an uploaded file or a picture from the camera.

    ``pixels`` uint8 (height, width, channels) are the network's input; ``id`` differs where they
    do. ``actual`` is the index of its class, and ``image`` its place in the data set, if it has
    them. The user's own picture has a ``source``, and ``notes`` on what was changed to make it the
    input.
    """

    id: str
    name: str
    pixels: NDArray[np.uint8]
    actual: int | None = None
    image: DatasetImage | None = None
    source: Source | None = None
    notes: tuple[str, ...] = ()

    def train_index(self, run: Run) -> int | None:
        """The picture's index among the training images of the run's data set, if it is one."""
        image = self.image
        if image is None or image.split != "train":
            return None
        return image.index if image.dataset == run.experiment.data.dataset else None


@dataclass(frozen=True, eq=False)
class ChosenNetwork:
    """A run's network with the weights chosen on the page.

    ``names`` are those of its classes; ``address``: the query parameters that choose it on other
    pages, too.
    """

    run: Run
    weights: WeightsChoice
    names: Sequence[str]
    address: Mapping[str, str]


def render_picture(pixels: NDArray[np.uint8], name: str) -> None:
    """Render an image, uint8 (h, w, c), in its size; ``name`` is for screen readers."""
    # Streamlit's own encoding of a PNG takes five times as long.
    st.image(sprite(pixels[np.newaxis]).png, width=pixels.shape[1], alt=name)
