"""The image a network is shown, large, and what the network says it is."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.predictions import check_probabilities
from cifarviz.figures.percent import sure_percent
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.inside.image import ChosenImage
from cifarviz.ui.inside.network import ShownNetwork

IMAGE_WIDTH = 256
"""CSS pixels that the image may be wide."""

# Of two: both fit beside the image on a wide screen.
_ANSWER_WIDTH = 400
_MOST = 3


def show_image(image: ChosenImage, classes: Sequence[str]) -> None:
    """The image enlarged without smoothing, with its class and what was done to it."""
    # Twice as many pixels as shown: sharp on a screen with two to a CSS pixel, too.
    large = enlarge(enlarge(image.pixels, IMAGE_WIDTH), 2 * IMAGE_WIDTH)
    width = large.shape[1] // 2
    name = image.title if image.actual is None else f"{image.title}, {classes[image.actual]}"
    st.image(sprite(large[np.newaxis]).png, width=width, alt=name)
    st.markdown(f"**{escaped(name)}**")
    for note in image.notes:
        st.caption(note)


def show_answers(
    left: ShownNetwork, right: ShownNetwork | None, classes: Sequence[str], actual: int | None
) -> None:
    """What the network says; of two, what each says, and how they differ."""
    networks = [left] if right is None else [left, right]
    # Beside each other where there is room.
    row = st.container(horizontal=True, gap="medium") if right else st.container()
    for network in networks:
        place = row.container(width=_ANSWER_WIDTH) if right else row
        with place:
            show_answer(
                network.views[-1].values,
                classes,
                actual,
                mirrored=network.run.experiment.mirrored_answers,
                title=network.title,
                key="inside-answer" if network is left else "inside-answer-right",
            )
    if right is not None:
        titles = left.title, right.title
        values = left.views[-1].values, right.views[-1].values
        st.caption(answer_difference(*values, classes, actual, titles))


def show_answer(
    values: NDArray[np.float32],
    classes: Sequence[str],
    actual: int | None,
    *,
    mirrored: bool,
    title: str = "",
    key: str = "inside-answer",
) -> None:
    """The three most probable classes; ``values`` are the network's probabilities (classes,).

    ``mirrored``: elsewhere, it answers by the mean of this and what it says of the mirror image.
    ``title`` tells one of two networks from the other. Raises ``ArtifactDamaged`` if they are not
    numbers.
    """
    check_probabilities(values[np.newaxis])
    found = probabilities(classes, values, actual=actual)
    first = found.bars[0]
    head = f"**{escaped(title)}** says" if title else "The network says"
    st.markdown(f"{head} **{escaped(first.name)}**, {sure_percent(first.probability)}")
    chart(
        probabilities_figure(Probabilities(found.bars[:_MOST])),
        key=key,
        file_name="answer",
        description=f"The {_MOST} most probable classes" + (f", {title}" if title else ""),
    )
    if actual is not None:
        st.caption(_verdict(first.actual, classes[actual], float(values[actual])))
    if mirrored:
        st.caption(
            "This is the answer to the image as it is. Evaluate and Predict take the mean of it "
            "and the answer to the mirror image, as this run was set up to."
        )


def answer_difference(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    classes: Sequence[str],
    actual: int | None,
    titles: tuple[str, str],
) -> str:
    """How much surer one of two networks is of the actual class, or of what the left one says."""
    index = int(left.argmax()) if actual is None else actual
    name = escaped(classes[index])
    # A percentage point; what is rounded to none of a tenth of them is none.
    points = round(100 * float(left[index] - right[index]), 1)
    if not points:
        return f"Both give “{name}” {sure_percent(float(left[index]))}."
    first, second = map(escaped, titles)
    return (
        f"“{name}” gets {abs(points):.1f} points {'more' if points > 0 else 'less'} "
        f"from “{first}” than from “{second}”."
    )


def _verdict(right: bool, actual: str, probability: float) -> str:
    if right:
        return "That is right."
    gives = sure_percent(probability)
    return f"That is wrong: it is “{escaped(actual)}”, to which the network gives {gives}."
