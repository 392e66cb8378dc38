"""The image a network is shown, large, and what the network says it is."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.predictions import check_probabilities
from cifarviz.figures.percent import percent
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import sprite
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.inside.image import ChosenImage

IMAGE_WIDTH = 256
"""CSS pixels that the image may be wide."""

_MOST = 3


def show_image(image: ChosenImage, classes: Sequence[str]) -> None:
    """The image enlarged without smoothing, with its class and what was done to it."""
    # Twice as many pixels as shown: sharp on a screen with two to a CSS pixel, too.
    side = image.pixels.shape[1]
    width = side * max(1, IMAGE_WIDTH // side)
    scale = 2 * width // side
    large = image.pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    name = image.title if image.actual is None else f"{image.title}, {classes[image.actual]}"
    st.image(sprite(large[np.newaxis]).png, width=width, alt=name)
    st.markdown(f"**{escaped(name)}**")
    for note in image.notes:
        st.caption(note)


def show_answer(
    values: NDArray[np.float32], classes: Sequence[str], actual: int | None, *, mirrored: bool
) -> None:
    """The three most probable classes; ``values`` are the network's probabilities (classes,).

    ``mirrored``: elsewhere, it answers by the mean of this and what it says of the mirror image.
    Raises ``ArtifactDamaged`` if they are not numbers.
    """
    check_probabilities(values[np.newaxis])
    found = probabilities(classes, values, actual=actual)
    first = found.bars[0]
    st.markdown(f"The network says **{first.name}**, {percent(first.probability)}")
    chart(
        probabilities_figure(Probabilities(found.bars[:_MOST])),
        key="inside-answer",
        file_name="answer",
        description=f"The {_MOST} most probable classes",
    )
    if actual is not None:
        st.caption(_verdict(first.actual, classes[actual], float(values[actual])))
    if mirrored:
        st.caption(
            "This is the answer to the image as it is. Evaluate and Predict take the mean of it "
            "and the answer to the mirror image, as this run was set up to."
        )


def _verdict(right: bool, actual: str, probability: float) -> str:
    if right:
        return "That is right."
    return f"That is wrong: it is “{actual}”, to which the network gives {percent(probability)}."
