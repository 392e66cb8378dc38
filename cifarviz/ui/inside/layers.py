"""The layers of a network with their feature maps."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import (
    LayerPair,
    LayerView,
    ScaledMaps,
    channel_correlations,
    least_correlated_first,
    pair_layers,
    spatial_correlation,
)
from cifarviz.experiment.architecture import NamedLayer
from cifarviz.figures.dense_bars import dense_bars, dense_bars_figure
from cifarviz.figures.sprite import sprite
from cifarviz.layers.base import format_shape
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.address import escaped, format_count, format_ranges
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.inside.dataset_activations import DatasetActivations
from cifarviz.ui.inside.display import (
    DEFAULT_DISPLAY,
    ChannelDisplay,
    colored_channels,
    format_limits,
    ordered_channels,
    pick_channel_display,
    render_exports,
    render_legend,
    scale_limits,
)
from cifarviz.ui.inside.image import InspectedNetwork
from cifarviz.ui.query import render_choice

_MAX_LISTED = 3
# With more, the layers inside blocks are hidden at first.
_MANY_LAYERS = 30
EPOCHS_CAPTION = (
    "Channels are in the same order on both sides. The correlation of a channel’s two maps is 1 "
    "if they show the same, 0 if they are unrelated, and −1 if one is the negative of the other."
)
RUNS_CAPTION = (
    "Channels with the same number in two networks are unrelated. The correlation compares where "
    "a layer is active over all channels: 1 is in the same places, 0 is unrelated."
)

# By the number of channels: smallest and largest side of a tile, CSS pixels.
_SIZES = ((4, 128, 256), (8, 128, 192), (32, 96, 128), (64, 64, 96))
_MANY_SIZE = 64, 80

# For half a page.
_HALF_SIZES = ((4, 96, 256), (8, 96, 128), (32, 64, 96))
_HALF_MANY_SIZE = 48, 64

# A single value needs little space.
_VALUE_SIZE = 32, 40


class ChannelRef(NamedTuple):
    """A channel of a layer; ``right`` in the network on the right of two."""

    layer: str
    channel: int
    right: bool = False


def render_layers(
    left: InspectedNetwork,
    right: InspectedNetwork | None,
    classes: Sequence[str],
    chosen: ChannelRef | None,
    activations: DatasetActivations | None = None,
) -> ChannelRef | None:
    """Render all layers in order, those of two networks in pairs; returns a clicked channel.

    ``chosen`` is highlighted; without it the page scrolls to the layer of the address.
    ``classes`` label the last layer's bars. ``activations`` are those over all images, if known.
    """
    same_run = right is not None and right.run.id == left.run.id
    wanted = st.query_params.get("layer")
    # Where two networks have a layer of one name, the left one's place is said.
    places = {**(places_inside(right) if right else {}), **places_inside(left)}
    inside = set(places)
    hidden = inside if inside and not _pick_inside(inside, wanted, left) else set()
    shown = [view for view in left.views if view.name not in hidden]
    st.markdown(" ".join(f"[`{view.name}`](#{view.name})" for view in shown))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        has_maps = left.has_maps or (right is not None and right.has_maps)
        display = pick_channel_display(of_two_epochs=same_run) if has_maps else DEFAULT_DISPLAY
        render_exports(left, display)
    if has_maps:
        render_legend(display)
    networks = [left]
    pairs = [LayerPair(view, None) for view in shown]
    if right is not None:
        shown_right = [view for view in right.views if view.name not in hidden]
        networks, pairs = [left, right], pair_layers(shown, shown_right)
        st.caption(EPOCHS_CAPTION if same_run else RUNS_CAPTION)
    # A channel opens over the page instead.
    wanted = None if chosen is not None else wanted
    clicked: ChannelRef | None = None
    for pair in pairs:
        first = pair.left or pair.right
        assert first is not None
        if first.name == wanted:
            scroll_here([first.name], key="inside-layer")
        st.subheader(first.name, anchor=first.name)
        if first.name in places:
            st.caption(places[first.name])
        if text := format_difference(pair, same_run=same_run):
            st.caption(text)
        columns = [st.container()] if right is None else st.columns(2, gap="medium")
        for column, view, network in zip(columns, (pair.left, pair.right), networks, strict=False):
            with column:
                if network.title:
                    st.markdown(f"**{escaped(network.title)}**")
                if view is None:
                    st.caption(format_no_counterpart(first, network))
                    continue
                clicked_here = _render_layer(
                    pair,
                    network,
                    display,
                    classes,
                    chosen,
                    activations if network is left else None,
                    right=network is right,
                    same_run=same_run,
                )
                clicked = clicked_here or clicked
    return clicked


def places_inside(network: InspectedNetwork) -> dict[str, str]:
    """The places of the layers inside blocks, by name: ``In residual_2, shortcut``."""
    found: dict[str, str] = {}

    def collect(layers: Iterable[NamedLayer]) -> None:
        for named in layers:
            for number, branch in enumerate(named.branches):
                title = named.layer.branch_title(number).lower()
                found.update({inner.name: f"In {named.name}, {title}" for inner in branch})
                collect(branch)

    collect(network.run.experiment.architecture.named_layers)
    return found


def _pick_inside(inside: Collection[str], wanted: str | None, network: InspectedNetwork) -> bool:
    """Render the choice whether layers inside blocks are shown; the address holds ``blocks``."""
    few = len(network.views) <= _MANY_LAYERS
    choice = render_choice(
        "blocks",
        "Layers inside blocks",
        {"show": "Show", "hide": "Hide"},
        key="inside-blocks",
        hint="A block is always shown with its result; its layers come before it.",
        problem=lambda word: f"Layers inside blocks are shown or hidden, not {word}.",
        usual="show" if few or wanted in inside else "hide",
    )
    return choice == "show"


def _render_layer(
    pair: LayerPair,
    network: InspectedNetwork,
    display: ChannelDisplay,
    classes: Sequence[str],
    chosen: ChannelRef | None,
    activations: DatasetActivations | None,
    *,
    right: bool,
    same_run: bool,
) -> ChannelRef | None:
    """Render ``network``'s side of ``pair``; returns a clicked channel."""
    view = pair.right if right else pair.left
    assert view is not None
    side = "-right" if right else ""
    if view.maps is None:
        st.caption(describe_layer(view))
        bars = dense_bars(view.values, classes if view is network.views[-1] else None)
        chart(
            dense_bars_figure(bars),
            key=f"bars{side}-{view.name}",
            file_name=view.name,
            description=f"Output of {view.name}",
        )
        return None
    ends = scale_limits(display, pair.left, pair.right)
    described = describe_layer(view, activations)
    st.caption(" · ".join(filter(None, [described, format_limits(display, ends)])))
    # Two epochs of a run have the order of the left epoch, so that channels line up.
    ordered_by = pair.left if same_run and pair.left is not None else view
    channels = ordered_channels(ordered_by, display, pair.right if same_run else None)
    picture = colored_channels(view, display, ends)
    tooltips = channel_tooltips(pair, channels) if same_run else None
    if tooltips is None and display.order != "index":
        tooltips = [f"Channel {channel}" for channel in channels]
    size, largest = _size(view, half=network.title != "")
    is_here = chosen is not None and (chosen.layer, chosen.right) == (view.name, right)
    position = image_grid(
        sprite(picture.images[channels], picture.palette),
        key=f"maps{side}-{view.name}",
        size=size,
        largest=largest,
        # In the layer's order the grid numbers them itself.
        tooltips=tooltips,
        selected=channels.index(chosen.channel) if chosen is not None and is_here else None,
        muted=[channels.index(channel) for channel in view.maps.dead],
        noun="Channel",
        description=f"Channels of {view.name}" + (f", {network.title}" if right else ""),
    )
    return None if position is None else ChannelRef(view.name, channels[position], right)


def _size(view: LayerView, *, half: bool) -> tuple[int, int]:
    height, width, count = view.output_shape
    if height == width == 1:
        return _VALUE_SIZE
    table, otherwise = (_HALF_SIZES, _HALF_MANY_SIZE) if half else (_SIZES, _MANY_SIZE)
    return next(((least, largest) for most, least, largest in table if count <= most), otherwise)


def describe_layer(view: LayerView, activations: DatasetActivations | None = None) -> str:
    """Type, output shape and dead channels or zero values of a layer."""
    head = f"{LAYER_TYPES[view.type].title} · output {format_shape(view.output_shape)}"
    if view.maps is None:
        silent = dense_bars(view.values).silent
        return f"{head} · {silent:,} values zero" if silent else head
    remarks = [*_describe_maps(view.maps), *_describe_dead(view.name, activations)]
    return " · ".join([head, format_count(len(view.maps.images), "channel"), *remarks])


def _describe_dead(layer: str, activations: DatasetActivations | None) -> list[str]:
    """The layer's channels that are dead for all reference images, if known."""
    if activations is None or layer not in activations.reference:
        return []
    result = activations.reference[layer]
    dead = f"{len(result.dead):,} dead" if result.dead else "none dead"
    text = f"{dead} for all {result.images:,} {activations.reference_split} images"
    return [f"{text}: {format_ranges(result.dead)}" if result.dead else text]


def _describe_maps(maps: ScaledMaps) -> list[str]:
    remarks = ["none dead"]
    if maps.dead:
        remarks = [f"{len(maps.dead):,} dead: {format_ranges(maps.dead)}"]
    if maps.not_finite:
        remarks.append(f"{len(maps.not_finite):,} not a number: {format_ranges(maps.not_finite)}")
    return remarks


def format_difference(pair: LayerPair, *, same_run: bool) -> str | None:
    """Correlations of two layers as text, or ``None`` if they are undefined."""
    left, right = pair.left, pair.right
    if left is None or right is None:
        return None
    if not same_run:
        correlation = spatial_correlation(left.values, right.values)
        return (
            None
            if correlation is None
            else f"Correlation of active places {format_correlation(correlation)}"
        )
    correlations = channel_correlations(left.values, right.values)
    if correlations is None:
        return None
    known = correlations[np.isfinite(correlations)]
    if left.maps is None:
        return f"Correlation of values {format_correlation(known[0])}" if known.size else None
    parts = (
        [f"Median correlation of channels {format_correlation(np.median(known))}"]
        if known.size
        else []
    )
    by_change = least_correlated_first(left.values, right.values).tolist()
    changed = [channel for channel in by_change if np.isfinite(correlations[channel])][:_MAX_LISTED]
    if len(known) > _MAX_LISTED:
        least = ", ".join(
            f"{channel} ({format_correlation(correlations[channel])})" for channel in changed
        )
        parts.append(f"least correlated: {least}")
    one_sided = len(_dead_channels(left) ^ _dead_channels(right))
    if one_sided:
        parts.append(f"{one_sided:,} dead on only one side")
    return " · ".join(parts) or None


def channel_tooltips(pair: LayerPair, channels: Sequence[int]) -> list[str] | None:
    """Each channel's number and correlation; ``None`` if they have none."""
    if pair.left is None or pair.right is None:
        return None
    correlations = channel_correlations(pair.left.values, pair.right.values)
    if correlations is None:
        return None
    return [
        f"Channel {channel}, {_format_channel_correlation(correlations, channel)}"
        for channel in channels
    ]


def format_no_counterpart(view: LayerView, other: InspectedNetwork) -> str:
    """Why a layer has no counterpart in the other network."""
    count = sum(candidate.type == view.type for candidate in other.views)
    title = LAYER_TYPES[view.type].title.lower()
    if not count:
        return f"No counterpart: this network has no layer of this type ({title})."
    if count == 1:
        return f"No counterpart: this network has 1 layer of this type ({title})."
    return f"No counterpart: this network has {count} layers of this type ({title})."


def format_correlation(value: float) -> str:
    """A correlation with two decimals and a true minus sign."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _format_channel_correlation(correlations: NDArray[np.float64], channel: int) -> str:
    value = float(correlations[channel])
    return f"correlation {format_correlation(value)}" if np.isfinite(value) else "no correlation"


def _dead_channels(view: LayerView) -> set[int]:
    return set() if view.maps is None else set(view.maps.dead)
