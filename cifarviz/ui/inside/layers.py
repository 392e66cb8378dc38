"""Every layer of a network as it sees one image: pictures of all channels, or bars."""

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from cifarviz.analysis.feature_maps import (
    LayerView,
    Order,
    ScaledMaps,
    channel_order,
    on_one_scale,
)
from cifarviz.analysis.top_activations import TopActivations
from cifarviz.experiment.architecture import in_words
from cifarviz.experiment.layers import LAYER_TYPES
from cifarviz.figures.dense_bars import dense_bars, dense_bars_figure
from cifarviz.figures.sprite import sprite
from cifarviz.ui.address_choice import address_choice
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.inside.files import numbers_file, pictures_file

# Few channels have room to be larger; both are whole multiples of 32, 16, 8 and 4 pixels.
_LARGE, _SMALL = 96, 64
_FEW = 32

_LEGEND = (
    "Each picture is one channel: what one of the layer’s filters finds, and where. Light is much "
    "and dark is little, {scale}. Click one to see it large. Crossed out are dead channels: they "
    "have the same value everywhere, so they say nothing about this image."
)
_ORDERS: dict[Order, str] = {"index": "Number", "strength": "Strength", "variance": "Variance"}
_SCALES: dict[Literal["own", "layer"], str] = {"own": "Each its own", "layer": "One a layer"}
_SCALE_WORDS = {
    "own": "each channel scaled by itself",
    "layer": "black the smallest and white the largest value of the layer",
}


def show_layers(
    views: Sequence[LayerView],
    classes: Sequence[str],
    chosen: tuple[str, int] | None,
    over_all: Mapping[str, TopActivations] | None = None,
) -> tuple[str, int] | None:
    """Show all layers in order; returns layer and channel that were clicked, once.

    ``chosen`` is ringed. The last layer's bars are the ``classes``. ``over_all`` is what the
    channels make of all test images, where that is known.
    """
    st.markdown(" ".join(f"[`{view.name}`](#{view.name})" for view in views))
    order, scale = _manner(views)
    st.caption(_LEGEND.format(scale=_SCALE_WORDS[scale]))
    clicked: tuple[str, int] | None = None
    for view in views:
        st.subheader(view.name, anchor=view.name)
        st.caption(describe(view, (over_all or {}).get(view.name)))
        if view.maps is None:
            bars = dense_bars(view.values, classes if view is views[-1] else None)
            chart(
                dense_bars_figure(bars),
                key=f"bars-{view.name}",
                file_name=view.name,
                description=f"Output of {view.name}",
            )
            continue
        maps = on_one_scale(view.maps, view.values) if scale == "layer" else view.maps
        channels = channel_order(view.values, order).tolist()
        channel = image_grid(
            sprite(maps.images[channels]),
            key=f"maps-{view.name}",
            size=_LARGE if len(channels) <= _FEW else _SMALL,
            # In their own order they need no names of their own.
            tooltips=(None if order == "index" else [f"Channel {number}" for number in channels]),
            selected=(
                channels.index(chosen[1]) if chosen is not None and chosen[0] == view.name else None
            ),
            muted=[channels.index(number) for number in maps.dead],
            noun="Channel",
            description=f"Channels of {view.name}",
        )
        if channel is not None:
            clicked = view.name, channels[channel]
    return clicked


def _manner(views: Sequence[LayerView]) -> tuple[Order, Literal["own", "layer"]]:
    """How the channels are ordered and scaled; and all of them to take away."""
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        order = address_choice(
            "order",
            "Order of channels",
            _ORDERS,
            key="inside-order",
            hint="By number; the strongest first, by the mean of what they put out, sign aside; or "
            "the ones first that differ most from place to place.",
            problem=lambda word: f"Channels are ordered by {', '.join(_ORDERS)}, not by {word}.",
        )
        scale = address_choice(
            "scale",
            "Grey",
            _SCALES,
            key="inside-scale",
            hint="Each channel on a scale of its own shows what is in it; one scale for a layer "
            "shows which of its channels are strong.",
            problem=lambda word: f"The scale is {' or '.join(_SCALES)}, not {word}.",
        )
        st.download_button(
            "Values",
            lambda: numbers_file(views),
            file_name="feature-maps.npz",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            help="What every layer puts out for this image, as NumPy arrays in one .npz file.",
        )
        st.download_button(
            "Pictures",
            lambda: pictures_file(views),
            file_name="feature-maps.zip",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            help="One PNG a layer with all its channels, each scaled by itself, in one .zip file.",
        )
    return order, scale


def describe(view: LayerView, over_all: TopActivations | None = None) -> str:
    """Type, output shape, and how many channels or units say nothing about this image, or any."""
    head = f"{LAYER_TYPES[view.type].title} · output {in_words(view.output_shape)}"
    if view.maps is None:
        silent = dense_bars(view.values).silent
        return f"{head} · {silent:,} of its values zero" if silent else head
    remarks = [*_remarks(view.maps), *([] if over_all is None else [dead_for_all(over_all)])]
    return " · ".join([head, _count(len(view.maps.images), "channel"), *remarks])


def dead_for_all(found: TopActivations) -> str:
    """Which channels are dead for all test images, in words."""
    dead = f"{len(found.dead):,} dead" if found.dead else "none dead"
    words = f"{dead} for all {found.images:,} test images"
    return f"{words}: {in_ranges(found.dead)}" if found.dead else words


def in_ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in words: ``"3, 5–8 and 11"``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words: list[str] = []
    for run in runs:
        words += map(str, run) if len(run) < 3 else [f"{run[0]}–{run[-1]}"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _remarks(maps: ScaledMaps) -> list[str]:
    remarks = ["none dead"]
    if maps.dead:
        remarks = [f"{len(maps.dead):,} dead: {in_ranges(maps.dead)}"]
    if maps.not_finite:
        remarks.append(f"{len(maps.not_finite):,} not a number: {in_ranges(maps.not_finite)}")
    return remarks


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
