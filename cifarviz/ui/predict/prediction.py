"""The network's prediction for the chosen picture."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.predictions import RankedClass, rank_classes
from cifarviz.figures.percent import format_probability
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge
from cifarviz.ui import state
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.cropper import cropper
from cifarviz.ui.familiarity import render_familiarity
from cifarviz.ui.navigation import link_to
from cifarviz.ui.predict.example import training_note
from cifarviz.ui.predict.picture import (
    MAX_SIDE,
    ChosenNetwork,
    ChosenPicture,
    Source,
    render_picture,
)

_CONFIDENT = 0.9
_LIKELY = 0.5
# Pixels a side of the pictures in the compact form.
_SMALL_SIDE = 112
_SOFTMAX = (
    "Softmax, the activation of the last layer, turns the scores into probabilities that add up to "
    "100%."
)


def render_prediction(
    picture: ChosenPicture,
    network: ChosenNetwork,
    predictions: NDArray[np.float32],
    *,
    compact: bool,
) -> None:
    """Render the picture as it came and as the network sees it, and its prediction.

    ``predictions`` float32 (classes,): its probabilities. ``compact``: without their chart, and
    with small pictures.
    """
    height, width = picture.pixels.shape[:2]
    side = _SMALL_SIDE if compact else MAX_SIDE
    with st.container(border=True, horizontal=True, gap="medium", key="predict-card"):
        if picture.source is not None and not compact:
            with st.container(width=MAX_SIDE):
                _render_source(picture.source, picture)
        with st.container(width=side):
            shown = enlarge(picture.pixels, side)
            if picture.image is None:
                render_picture(shown, f"{picture.name} as the network sees it")
                caption = f"Input of the network: {width} × {height} pixels"
            else:
                render_picture(shown, picture.name)
                caption = "Input of the network, enlarged without smoothing"
            if not compact:
                for note in (caption, *picture.notes):
                    st.caption(note)
        with st.container():
            st.markdown(f"## {escaped(picture.name)}")
            if picture.image is not None and (trained := training_note(picture.image, network.run)):
                st.caption(trained)
            _render_sentences(picture, network, predictions)
            if compact:
                return
            chart(
                probabilities_figure(
                    probabilities(network.names, predictions, actual=picture.actual)
                ),
                key="predict-answer",
                file_name="prediction",
                description="Probability of each class",
            )
            if others := network.run.experiment.prediction_views.describe_others():
                st.caption(f"Averaged over this image and {others}, as set for this run.")
            if picture.image is not None:
                _render_links(picture, network)


def _render_source(source: Source, picture: ChosenPicture) -> None:
    name = f"{picture.name} as {source.came}"
    if source.crop is None:
        render_picture(source.thumbnail, name)
    else:
        height, width = picture.pixels.shape[:2]
        cropper(
            source.thumbnail,
            source.crop,
            key=f"predict-crop-{source.id}",
            name=name,
            proportions=(width, height),
            on_crop=partial(state.predict_memory().crops.__setitem__, source.id),
        )
        st.caption("Drag the frame or its corner to choose a part.")
    st.caption(f"As {source.came}: {source.about}")


def format_prediction(
    ranked: Sequence[RankedClass], actual: int | None = None, *, unknown: bool = False
) -> str:
    """The probabilities in one or two sentences; ``ranked`` from the highest.

    ``actual`` is the index of the true class, if known. ``unknown``: whether the picture is
    probably nothing the network knows, where a high probability tells no confidence.
    """
    first, second = ranked[0], ranked[1]
    name, next_name = escaped(first.name), escaped(second.name)
    if unknown:
        text = f"The most probable class is **{name}**, {format_probability(first.probability)}."
    elif first.probability >= _CONFIDENT:
        text = f"The network is confident: **{name}**, {format_probability(first.probability)}."
    elif first.probability >= _LIKELY:
        text = (
            f"The network predicts **{name}**, {format_probability(first.probability)}, then "
            f"{next_name}, {format_probability(second.probability)}."
        )
    else:
        text = (
            f"The network is unsure: **{name}**, {format_probability(first.probability)}, or "
            f"{next_name}, {format_probability(second.probability)}."
        )
    if actual is None:
        return text
    if actual == first.index:
        return f"{text} Correct."
    true_class = next(ranked_class for ranked_class in ranked if ranked_class.index == actual)
    return (
        f"{text} Wrong: it is {escaped(true_class.name)}, predicted with "
        f"{format_probability(true_class.probability)}."
    )


def _render_sentences(
    picture: ChosenPicture, network: ChosenNetwork, predictions: NDArray[np.float32]
) -> None:
    ranked = rank_classes(network.names, predictions)
    sentence = st.container()
    familiarity = render_familiarity(
        network.run,
        network.weights,
        picture.pixels,
        key="predict-unknown",
        train_index=picture.train_index(network.run),
    )
    unknown = familiarity is not None and familiarity.is_unknown
    sentence.markdown(format_prediction(ranked, picture.actual, unknown=unknown), help=_SOFTMAX)


def _render_links(picture: ChosenPicture, network: ChosenNetwork) -> None:
    image = picture.image
    assert image is not None
    with st.container(horizontal=True, gap="medium"):
        link_to(
            "inside",
            "See its feature maps",
            split=image.split,
            image=image.index,
            **network.address,
        )
        link_to(
            "samples",
            "See it on the Samples page",
            dataset=image.dataset,
            split=image.split,
            image=image.index,
        )
