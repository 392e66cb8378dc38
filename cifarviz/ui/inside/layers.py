"""The layers of a network with their feature maps."""

from collections.abc import Sequence
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
from cifarviz.experiment.architecture import in_words
from cifarviz.figures.dense_bars import dense_bars, dense_bars_figure
from cifarviz.figures.sprite import sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.inside.dataset_activations import DatasetActivations
from cifarviz.ui.inside.display import (
    USUAL,
    ChannelDisplay,
    choose_manner,
    drawn,
    legend,
    limits,
    limits_in_words,
    ordered,
    render_exports,
)
from cifarviz.ui.inside.image import ShownNetwork

_MOST = 3
OF_TWO_EPOCHS = (
    "A channel stands in the same place on both sides. Its correlation is 1 where its two maps "
    "show the same, 0 where they have nothing in common, and −1 where one is the other’s negative."
)
OF_TWO_RUNS = (
    "Each network numbers its channels in its own way: channel 5 of the one has nothing to do "
    "with channel 5 of the other. What can be compared is where a layer is active on the whole: "
    "1 is in the same places, 0 has nothing in common."
)

# A tile's least and greatest side by the number of channels, CSS pixels: few have room to be large.
_SIZES = ((4, 128, 256), (8, 128, 192), (32, 96, 128), (64, 64, 96))
_OF_MANY = 64, 80

# Of half a page.
_HALF_SIZES = ((4, 96, 256), (8, 96, 128), (32, 64, 96))
_HALF_OF_MANY = 48, 64

# There is nothing to make out in one value.
_OF_ONE_VALUE = 32, 40


class OneChannel(NamedTuple):
    """A channel of a layer, of the network on the right if two are compared."""

    layer: str
    channel: int
    right: bool = False


def show_layers(
    left: ShownNetwork,
    right: ShownNetwork | None,
    classes: Sequence[str],
    chosen: OneChannel | None,
    over_all: DatasetActivations | None = None,
) -> OneChannel | None:
    """Show all layers in order, those of two networks in pairs; returns what was clicked, once.

    ``chosen`` is ringed. The last layer's bars are the ``classes``. ``over_all`` is what the
    channels make of all images, where that is known.
    """
    same_run = right is not None and right.run.id == left.run.id
    st.markdown(" ".join(f"[`{view.name}`](#{view.name})" for view in left.views))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        # How channels are drawn is a question only where there are any.
        has_maps = left.has_maps or (right is not None and right.has_maps)
        manner = choose_manner(of_two_epochs=same_run) if has_maps else USUAL
        render_exports(left, manner)
    if has_maps:
        legend(manner)
    clicked: OneChannel | None = None
    if right is None:
        for view in left.views:
            st.subheader(view.name, anchor=view.name)
            one = _layer(LayerPair(view, None), left, manner, classes, chosen, over_all=over_all)
            clicked = one or clicked
        return clicked
    st.caption(OF_TWO_EPOCHS if same_run else OF_TWO_RUNS)
    for pair in pair_layers(left.views, right.views):
        clicked = _pair(pair, left, right, manner, classes, chosen, over_all) or clicked
    return clicked


def _pair(
    pair: LayerPair,
    left: ShownNetwork,
    right: ShownNetwork,
    manner: ChannelDisplay,
    classes: Sequence[str],
    chosen: OneChannel | None,
    over_all: DatasetActivations | None,
) -> OneChannel | None:
    """A layer of both networks beside each other; ``over_all`` is the left one's."""
    first = pair.left or pair.right
    assert first is not None
    same_run = left.run.id == right.run.id
    st.subheader(first.name, anchor=first.name)
    if words := difference(pair, same_run=same_run):
        st.caption(words)
    clicked: OneChannel | None = None
    for place, view, network in zip(
        st.columns(2, gap="medium"), (pair.left, pair.right), (left, right), strict=True
    ):
        with place:
            st.markdown(f"**{escaped(network.title)}**")
            if view is None:
                st.caption(no_counterpart(first, network))
                continue
            one = _layer(
                pair,
                network,
                manner,
                classes,
                chosen,
                right=network is right,
                same_run=same_run,
                over_all=None if network is right else over_all,
            )
            clicked = one or clicked
    return clicked


def _layer(
    pair: LayerPair,
    network: ShownNetwork,
    manner: ChannelDisplay,
    classes: Sequence[str],
    chosen: OneChannel | None,
    *,
    right: bool = False,
    same_run: bool = False,
    over_all: DatasetActivations | None = None,
) -> OneChannel | None:
    """The side of ``pair`` that is ``network``'s; returns the channel that was clicked, once."""
    view = pair.right if right else pair.left
    assert view is not None
    side = "-right" if right else ""
    if view.maps is None:
        st.caption(describe(view))
        bars = dense_bars(view.values, classes if view is network.views[-1] else None)
        chart(
            dense_bars_figure(bars),
            key=f"bars{side}-{view.name}",
            file_name=view.name,
            description=f"Output of {view.name}",
        )
        return None
    ends = limits(manner, pair.left, pair.right)
    described = describe(view, over_all)
    st.caption(" · ".join(filter(None, [described, limits_in_words(manner, ends)])))
    # Of one run, both are in the order of the left one, so that channels are beside themselves.
    leading = pair.left if same_run and pair.left is not None else view
    channels = ordered(leading, manner, pair.right if same_run else None)
    picture = drawn(view, manner, ends)
    names = names_of_channels(pair, channels) if same_run else None
    if names is None and manner.order != "index":
        names = [f"Channel {number}" for number in channels]
    size, largest = _size(view, half=network.title != "")
    is_chosen = chosen is not None and (chosen.layer, chosen.right) == (view.name, right)
    position = image_grid(
        sprite(picture.images[channels], picture.palette),
        key=f"maps{side}-{view.name}",
        size=size,
        largest=largest,
        # In their own order they need no names of their own.
        tooltips=names,
        selected=channels.index(chosen.channel) if chosen is not None and is_chosen else None,
        muted=[channels.index(number) for number in view.maps.dead],
        noun="Channel",
        description=f"Channels of {view.name}" + (f", {network.title}" if right else ""),
    )
    return None if position is None else OneChannel(view.name, channels[position], right)


def _size(view: LayerView, *, half: bool) -> tuple[int, int]:
    height, width, count = view.output_shape
    if height == width == 1:
        return _OF_ONE_VALUE
    table, otherwise = (_HALF_SIZES, _HALF_OF_MANY) if half else (_SIZES, _OF_MANY)
    return next(((least, largest) for most, least, largest in table if count <= most), otherwise)


def describe(view: LayerView, over_all: DatasetActivations | None = None) -> str:
    """Type, output shape, and how many channels or units say nothing about this image, or any."""
    head = f"{LAYER_TYPES[view.type].title} · output {in_words(view.output_shape)}"
    if view.maps is None:
        silent = dense_bars(view.values).silent
        return f"{head} · {silent:,} of its values zero" if silent else head
    remarks = [*_remarks(view.maps), *dead_for_all(view.name, over_all)]
    return " · ".join([head, counted(len(view.maps.images), "channel"), *remarks])


def dead_for_all(layer: str, over_all: DatasetActivations | None) -> list[str]:
    """Which of a layer's channels are dead for all images the run is judged by, where known."""
    if over_all is None or layer not in over_all.judged:
        return []
    found = over_all.judged[layer]
    dead = f"{len(found.dead):,} dead" if found.dead else "none dead"
    words = f"{dead} for all {found.images:,} {over_all.judged_by} images"
    return [f"{words}: {in_ranges(found.dead)}" if found.dead else words]


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


def counted(number: int, noun: str) -> str:
    """So many of a thing: ``"1 channel"``, ``"1,024 channels"``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def difference(pair: LayerPair, *, same_run: bool) -> str | None:
    """A sentence on how alike the two are in numbers, or ``None`` where nothing can be said."""
    left, right = pair.left, pair.right
    if left is None or right is None:
        return None
    if not same_run:
        found = spatial_correlation(left.values, right.values)
        return None if found is None else f"Where it is active: correlation {number(found)}"
    correlations = channel_correlations(left.values, right.values)
    if correlations is None:
        return None
    known = correlations[np.isfinite(correlations)]
    if left.maps is None:
        return f"Correlation of its values {number(known[0])}" if known.size else None
    words = [f"Median correlation of its channels {number(np.median(known))}"] if known.size else []
    first = least_correlated_first(left.values, right.values).tolist()
    changed = [one for one in first if np.isfinite(correlations[one])][:_MOST]
    if len(known) > _MOST:
        least = ", ".join(f"{one} ({number(correlations[one])})" for one in changed)
        words.append(f"least alike: {least}")
    one_sided = len(_dead(left) ^ _dead(right))
    if one_sided:
        words.append(f"{one_sided:,} dead on one side only")
    return " · ".join(words) or None


def names_of_channels(pair: LayerPair, channels: Sequence[int]) -> list[str] | None:
    """Each channel's number and correlation; ``None`` where they have none."""
    if pair.left is None or pair.right is None:
        return None
    found = channel_correlations(pair.left.values, pair.right.values)
    if found is None:
        return None
    return [f"Channel {one}, {_correlation(found, one)}" for one in channels]


def no_counterpart(view: LayerView, other: ShownNetwork) -> str:
    """Why there is nothing beside a layer."""
    count = sum(one.type == view.type for one in other.views)
    kind = LAYER_TYPES[view.type].title.lower()
    has = f"{count} of its kind ({kind})" if count else f"none of its kind ({kind})"
    return f"No counterpart: this network has {has}."


def number(value: float) -> str:
    """A correlation with two decimals and a true minus."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _correlation(found: NDArray[np.float64], channel: int) -> str:
    value = float(found[channel])
    return f"correlation {number(value)}" if np.isfinite(value) else "no correlation"


def _dead(view: LayerView) -> set[int]:
    return set() if view.maps is None else set(view.maps.dead)
