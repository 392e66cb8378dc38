"""The filters of the first convolution as pictures of what they look for."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.figures.filter_pictures import filter_pictures
from cifarviz.figures.sprite import sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.address import escaped
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.inside.layers import OneChannel, counted
from cifarviz.ui.inside.network import ShownNetwork
from cifarviz.ui.query import render_choice

# A tile's least and greatest side, CSS pixels.
_SIZE = 60, 96
_HALF_SIZE = 48, 72

_SCALES = {"own": "Each its own", "layer": "One for all"}
# By the number of channels that a filter sees.
_WORDS = {
    3: "Each picture is one filter: its weights for red, green and blue, shown as those colours. "
    "The filter answers most to a patch of the image that looks like it; mid-grey is 0. Click one "
    "to see what it finds in this image.",
    1: "Each picture is one filter: where it is light, light in the image adds to its answer, "
    "where it is dark, it takes away; mid-grey is 0. Click one to see what it finds in this image.",
}


def show_first_filters(
    left: ShownNetwork, right: ShownNetwork | None, chosen: OneChannel | None
) -> OneChannel | None:
    """Show all filters of the first convolution, of two networks if two are compared.

    Returns the channel that was clicked, once; ``chosen`` is ringed. Of networks without any maps
    nothing is shown.
    """
    networks = [left] if right is None else [left, right]
    if not any(network.has_maps for network in networks):
        return None
    st.header("What the first layer looks for", anchor="filters")
    one_scale = False
    kernels = [_kernel(network) for network in networks]
    seen = [kernel.shape[2] for kernel in kernels if kernel is not None]
    if words := next((_WORDS[inputs] for inputs in seen if inputs in _WORDS), None):
        scale = render_choice(
            "filters",
            "Scale of filters",
            _SCALES,
            key="inside-filters",
            hint="Each filter on a scale of its own shows its pattern; one scale for all shows "
            "which are strong.",
            problem=lambda word: f"The scale of filters is {' or '.join(_SCALES)}, not {word}.",
        )
        one_scale = scale == "layer"
        st.caption(words)
    if right is None:
        return _filters(left, chosen, one_scale=one_scale)
    clicked: OneChannel | None = None
    for place, network in zip(st.columns(2, gap="medium"), (left, right), strict=True):
        with place:
            st.markdown(f"**{escaped(network.title)}**")
            one = _filters(network, chosen, one_scale=one_scale, right=network is right)
            clicked = one or clicked
    return clicked


def _first(network: ShownNetwork) -> LayerView | None:
    return next((view for view in network.views if LAYER_TYPES[view.type].has_filters), None)


def _kernel(network: ShownNetwork) -> NDArray[np.float32] | None:
    """The first convolution's (h, w, inputs, filters), where there is one and its weights are."""
    first = _first(network)
    return None if first is None or network.model is None else network.model.kernel(first.name)


def _filters(
    network: ShownNetwork, chosen: OneChannel | None, *, one_scale: bool, right: bool = False
) -> OneChannel | None:
    first, kernel = _first(network), _kernel(network)
    if first is None:
        st.caption("This network has no convolution, so it has no filters that slide over images.")
        return None
    if kernel is None:
        st.caption("Its filters are among its weights, which cannot be read.")
        return None
    height, width, inputs, count = kernel.shape
    # What may come before it, such as pooling, leaves the image's channels apart.
    if inputs not in _WORDS:
        st.caption(
            f"The filters of {first.name} see {inputs} channels, so they are no colour pictures."
        )
        return None
    st.caption(f"{first.name} · {counted(count, 'filter')}, {height} × {width} each")
    ringed = chosen is not None and (chosen.layer, chosen.right) == (first.name, right)
    size, largest = _HALF_SIZE if network.title else _SIZE
    number = image_grid(
        sprite(filter_pictures(kernel, one_scale=one_scale)),
        key="filters-right" if right else "filters",
        size=size,
        largest=largest,
        labels=[str(one) for one in range(count)],
        tooltips=[f"Filter {one}" for one in range(count)],
        selected=chosen.channel if chosen is not None and ringed else None,
        noun="Filter",
        description=f"Filters of {first.name}" + (f", {network.title}" if right else ""),
    )
    return None if number is None else OneChannel(first.name, number, right)
