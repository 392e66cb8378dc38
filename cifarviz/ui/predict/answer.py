"""What the network says of an image: in words, and as a bar a class."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.predictions import RankedClass, ranking
from cifarviz.figures.percent import sure_percent
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.sprite import sprite
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.named_image import NamedImage
from cifarviz.ui.navigation import link_to
from cifarviz.ui.predict.files import PICTURE, Fitting, ReadImage, enlarged

_SURE = 0.9
_LIKELY = 0.5
_SOFTMAX = (
    "Softmax, the activation of the last layer, turns the network's scores into probabilities that "
    "add up to 100%."
)


def example_card(
    example: NamedImage,
    given: NDArray[np.float32],
    classes: Sequence[str],
    *,
    note: str | None = None,
    **address: str,
) -> None:
    """An image of the data set with its true class; ``given`` float32 (classes,).

    ``note`` is a sentence about it; ``address`` leads to the same network on another page.
    """
    name = f"{example.title}, {classes[example.actual]}"
    with st.container(border=True, horizontal=True, gap="medium", key="predict-example"):
        with st.container(width=PICTURE):
            _picture(enlarged(example.pixels), name)
            st.caption("What the network saw, enlarged without smoothing")
        with st.container():
            st.markdown(f"#### {escaped(name)}")
            if note is not None:
                st.caption(note)
            _answer(given, classes, "example", example.actual)
            with st.container(horizontal=True, gap="medium"):
                split, index = example.split, example.index
                link_to("inside", "See its feature maps", split=split, image=index, **address)
                link_to(
                    "samples",
                    "See it among the samples",
                    dataset=example.dataset,
                    split=split,
                    image=index,
                )


def upload_card(
    image: ReadImage, fitting: Fitting, given: NDArray[np.float32], classes: Sequence[str]
) -> None:
    """An uploaded image: as it came, as the network saw it, and the answer."""
    prepared = image.prepared(fitting)
    height, width = prepared.pixels.shape[:2]
    with st.container(border=True, horizontal=True, gap="medium", key=f"predict-{image.id}"):
        with st.container(width=PICTURE):
            _picture(image.thumbnail, f"{image.name} as uploaded")
            st.caption(f"As uploaded: {image.about}")
        with st.container(width=PICTURE):
            _picture(enlarged(prepared.pixels), f"{image.name} as the network saw it")
            st.caption(f"What the network saw: {width} × {height} pixels")
            for note in prepared.notes:
                st.caption(str(note))
        with st.container():
            st.markdown(f"#### {escaped(image.name)}")
            _answer(given, classes, image.id)


def answer_in_words(ranked: Sequence[RankedClass], actual: int | None = None) -> str:
    """One or two sentences on the probabilities, ``ranked`` from the highest.

    ``actual`` is the true class's index where it is known.
    """
    first, second = ranked[0], ranked[1]
    name, next_name = escaped(first.name), escaped(second.name)
    if first.probability >= _SURE:
        words = f"The network is sure: **{name}**, {sure_percent(first.probability)}."
    elif first.probability >= _LIKELY:
        words = (
            f"The network thinks it is **{name}**, {sure_percent(first.probability)}; next "
            f"comes {next_name} with {sure_percent(second.probability)}."
        )
    else:
        words = (
            f"The network is undecided: **{name}**, {sure_percent(first.probability)}, "
            f"before {next_name} with {sure_percent(second.probability)}."
        )
    if actual is None:
        return words
    if actual == first.index:
        return f"{words} That is right."
    own = next(one for one in ranked if one.index == actual)
    gives = sure_percent(own.probability)
    return f"{words} That is wrong: it is {escaped(own.name)}, to which it gives {gives}."


def _answer(
    given: NDArray[np.float32], classes: Sequence[str], key: str, actual: int | None = None
) -> None:
    st.markdown(answer_in_words(ranking(classes, given), actual), help=_SOFTMAX)
    chart(
        probabilities_figure(probabilities(classes, given, actual=actual)),
        key=f"predict-answer-{key}",
        file_name="prediction",
        description="Probability of each class",
    )


def _picture(pixels: NDArray[np.uint8], name: str) -> None:
    # As a PNG at once: Streamlit's own way takes five times as long to pack it.
    st.image(sprite(pixels[np.newaxis]).png, width=pixels.shape[1], alt=name)
