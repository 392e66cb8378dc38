"""Where in the image the network finds what speaks for a class: Grad-CAM."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.figures.heat_overlay import heat_overlay
from cifarviz.figures.percent import percent
from cifarviz.figures.sprite import sprite
from cifarviz.ui.address import escaped
from cifarviz.ui.address_choice import address_choice
from cifarviz.ui.inside.image import ChosenImage

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

_WORDS = (
    "The brighter a place, the more of what the layer finds there speaks for the class: each "
    "channel counts as much as the class’s score would rise with it. Both pictures are on one "
    "scale. The method is Grad-CAM, from [Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)"
    "."
)


def show_attention(
    model: "TrainedModel",
    views: Sequence[LayerView],
    image: ChosenImage,
    classes: Sequence[str],
    names: Sequence[str],
) -> None:
    """Two pictures, of the class that the network says and of another, for a layer with maps.

    ``classes`` are shown, ``names`` stand in the address, which holds the layer as ``look`` and
    the other class as ``class``; that is the actual one, or the second most probable.
    """
    layers = [view.name for view in views if view.maps is not None]
    if not layers:
        return
    st.header("Where it looks", anchor="where")
    choice, first, second = st.columns([2, 2, 2], gap="medium")
    said = int(views[-1].values.argmax())
    with choice:
        usual = names[_other(views, image, said)]
        layer = address_choice(
            "look",
            "Layer",
            {name: name for name in layers},
            key="inside-look",
            hint="Whose maps are weighted. Late layers know what is there, early ones where "
            "exactly.",
            problem=lambda word: (
                f"There is no layer with maps {word} here: {escaped(', '.join(layers))}."
            ),
            usual=_last_convolution(views),
            menu=True,
        )
        other = address_choice(
            "class",
            "Compare with",
            dict(zip(names, classes, strict=True)),
            key="inside-class",
            hint="The class of the picture on the right.",
            problem=lambda word: f"There is no class {word} here: {', '.join(names)}.",
            usual=usual,
            menu=True,
        )
        st.caption(_WORDS)
    pairs = [(first, said), (second, names.index(other))]
    heats = [model.attention(image.pixels, layer, index) for _, index in pairs]
    most = max(float(heat.max()) for heat in heats)
    for (place, index), heat in zip(pairs, heats, strict=True):
        with place:
            _picture(image, heat, most, classes[index], float(views[-1].values[index]))


def _picture(
    image: ChosenImage, heat: NDArray[np.float32], most: float, name: str, probability: float
) -> None:
    picture = heat_overlay(image.pixels, heat, most)
    alt = f"What speaks for {name} in {image.title}"
    # The sprite's PNG is made five times as fast as Streamlit's own.
    st.image(sprite(picture[np.newaxis]).png, width=picture.shape[1], alt=alt)
    st.markdown(f"**{escaped(name)}**, {percent(probability)}")
    if not heat.any():
        st.caption("Nothing in this layer speaks for it.")


def _last_convolution(views: Sequence[LayerView]) -> str:
    maps = [view for view in views if view.maps is not None]
    return next((view for view in reversed(maps) if view.type == "conv2d"), maps[-1]).name


def _other(views: Sequence[LayerView], image: ChosenImage, said: int) -> int:
    if image.actual is not None and image.actual != said:
        return image.actual
    return int(views[-1].values.argsort()[-2])
