"""Where in the image the network finds what speaks for a class: Grad-CAM."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.errors import ArtifactMissing
from cifarviz.figures.heat_overlay import heat_overlay
from cifarviz.figures.percent import sure_percent
from cifarviz.figures.sprite import sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside.image import ChosenImage
from cifarviz.ui.inside.network import ShownNetwork
from cifarviz.ui.query import render_choice

_WORDS = (
    "The brighter a place, the more of what the layer finds there speaks for the class: each "
    "channel counts as much as the class’s score would rise with it. Both pictures of a network "
    "are on one scale. The method is Grad-CAM, from "
    "[Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)."
)


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
    st.markdown(f"**{escaped(name)}**, {sure_percent(probability)}")
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
