"""What a network predicts for the image, and where it looks."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.predictions import check_probabilities
from cifarviz.errors import ArtifactMissing
from cifarviz.figures.percent import format_probability
from cifarviz.figures.pictures import heat_overlay
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside.image import ChosenImage, ShownNetwork
from cifarviz.ui.query import render_choice

_WORDS = (
    "The brighter a place, the more of what the layer finds there speaks for the class: each "
    "channel counts as much as the class’s score would rise with it. Both pictures of a network "
    "are on one scale. The method is Grad-CAM, from "
    "[Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)."
)
IMAGE_WIDTH = 256
"""CSS pixels that the image may be wide."""

# Of two: both fit beside the image on a wide screen.
_ANSWER_WIDTH = 400
_MOST = 3


def show_attention(
    left: ShownNetwork,
    right: ShownNetwork | None,
    image: ChosenImage,
    classes: Sequence[str],
    names: Sequence[str],
) -> None:
    """Two pictures, of the class that the network says and of another, for a layer with maps.

    ``classes`` are shown, ``names`` stand in the address, which holds the layer as ``look`` and
    the other class as ``class``; that is the actual one, or the second most probable. Of a network
    on the ``right`` two more pictures of the same classes stand beside them.
    """
    views = left.views
    layers = [view.name for view in views if view.maps is not None]
    if not layers:
        return
    st.header("Where it looks", anchor="where")
    choice, *places = st.columns(3 if right is None else 5, gap="medium")
    said = int(views[-1].values.argmax())
    with choice:
        usual = names[_other(views, image, said)]
        layer = render_choice(
            "look",
            "Layer",
            {name: name for name in layers},
            key="inside-look",
            hint="Whose maps are weighted. Late layers know what is there, early ones where "
            "exactly.",
            problem=lambda word: (
                f"There is no layer with maps {word} here: {escaped(', '.join(layers))}."
            ),
            usual=_last_convolution(left),
            menu=True,
        )
        other = render_choice(
            "class",
            "Other class",
            dict(zip(names, classes, strict=True)),
            key="inside-class",
            hint="The class of the second picture.",
            problem=lambda word: f"There is no class {word} here: {', '.join(names)}.",
            usual=usual,
            menu=True,
        )
        st.caption(_WORDS)
    asked = [said, names.index(other)]
    _pictures(places[:2], left, layer, image, asked, classes)
    if right is None:
        return
    with places[2], errors_shown():
        its = _counterpart(layer, left, right)
        _pictures(places[2:], right, its, image, asked, classes)


def _pictures(
    places: Sequence[DeltaGenerator],
    network: ShownNetwork,
    layer: str,
    image: ChosenImage,
    asked: Sequence[int],
    classes: Sequence[str],
) -> None:
    if network.model is None:
        raise ArtifactMissing(
            "Where “{network_title}” looks needs its weights, which cannot be read: choose others.",
            network_title=network.title,
        )
    heats = [network.model.attention(image.pixels, layer, index) for index in asked]
    most = max(float(heat.max()) for heat in heats)
    for place, heat, index in zip(places, heats, asked, strict=True):
        with place:
            if network.title:
                st.caption(f"{escaped(network.title)}, {layer}")
            probability = float(network.views[-1].values[index])
            _picture(image, heat, most, classes[index], probability)


def _picture(
    image: ChosenImage, heat: NDArray[np.float32], most: float, name: str, probability: float
) -> None:
    picture = heat_overlay(image.pixels, heat, most)
    alt = f"What speaks for {name} in {image.title}"
    # The sprite's PNG is made five times as fast as Streamlit's own.
    st.image(sprite(picture[np.newaxis]).png, width=picture.shape[1], alt=alt)
    st.markdown(f"**{escaped(name)}**, {format_probability(probability)}")
    if not heat.any():
        st.caption("Nothing in this layer speaks for it.")


def _counterpart(layer: str, left: ShownNetwork, right: ShownNetwork) -> str:
    """The layer of the network on the right whose maps are weighted."""
    if layer == _last_convolution(left):
        return _last_convolution(right)
    layers = [view.name for view in right.views if view.maps is not None]
    if layer not in layers:
        raise ArtifactMissing(
            "“{right_title}” has no layer with maps “{layer}”: choose another.",
            right_title=right.title,
            layer=layer,
        )
    return layer


def _last_convolution(network: ShownNetwork) -> str:
    maps = [view for view in network.views if view.maps is not None]
    if not maps:
        raise ArtifactMissing(
            "“{network_title}” has no layer with maps, so there is nothing to weight.",
            network_title=network.title,
        )
    return next((view for view in reversed(maps) if _is_learned_convolution(view)), maps[-1]).name


def _is_learned_convolution(view: LayerView) -> bool:
    made = LAYER_TYPES[view.type]
    return made.has_filters and made.is_learned


def _other(views: Sequence[LayerView], image: ChosenImage, said: int) -> int:
    if image.actual is not None and image.actual != said:
        return image.actual
    return int(views[-1].values.argsort()[-2])


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
    st.markdown(f"{head} **{escaped(first.name)}**, {format_probability(first.probability)}")
    chart(
        probabilities_figure(Probabilities(found.bars[:_MOST])),
        key=key,
        file_name="answer",
        description=f"The {_MOST} most probable classes" + (f", {title}" if title else ""),
    )
    if actual is not None:
        st.caption(_verdict_text(first.actual, classes[actual], float(values[actual])))
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
        return f"Both give “{name}” {format_probability(float(left[index]))}."
    first, second = map(escaped, titles)
    return (
        f"“{name}” gets {abs(points):.1f} points {'more' if points > 0 else 'less'} "
        f"from “{first}” than from “{second}”."
    )


def _verdict_text(right: bool, actual: str, probability: float) -> str:
    if right:
        return "That is right."
    gives = format_probability(probability)
    return f"That is wrong: it is “{escaped(actual)}”, to which the network gives {gives}."
