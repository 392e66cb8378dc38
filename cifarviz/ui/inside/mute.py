"""The view that mutes channels of a network and shows what that changes."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.muting import (
    Muted,
    channel_counts,
    channel_mask,
    format_muted,
    parse_muted,
    with_layer,
)
from cifarviz.errors import ArtifactMissing
from cifarviz.figures.percent import format_probability
from cifarviz.figures.probability_pairs import probability_pairs, probability_pairs_figure
from cifarviz.figures.sprite import sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.run_data import find_data_problem
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count, format_ranges, quoted
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.errors import render_errors
from cifarviz.ui.inside.display import DEFAULT_DISPLAY, colored_channels
from cifarviz.ui.inside.image import InputImage, InspectedNetwork
from cifarviz.ui.inside.muting_results import render_ablation, render_evaluation
from cifarviz.ui.query import current_query_params, render_choice, update_query_params

OFF = "off"
"""The muted channels, in the address: ``conv2d_1:3,7;conv2d_2:0-5``."""

_TITLES = "Whole network", "With muted channels"
# CSS pixels of a channel's tile.
_TILE = 56, 72
# Unknown parts of the address that are named.
_MAX_REPORTED = 3
_CLICKS = {"mute": "Click mutes", "keep": "Click keeps only"}


def render_mute(network: InspectedNetwork, image: InputImage, classes: Sequence[str]) -> None:
    """Render the channels to switch off, and the network's prediction without them."""
    if network.model is None:
        raise ArtifactMissing(
            "Muting channels needs the network's weights, and those of this epoch are not "
            "available. Choose an epoch with weights."
        )
    counts = channel_counts(network.run.experiment.architecture)
    if not counts:
        st.info(
            "This network has no layer with maps, so it has no channels to mute.",
            icon=":material/info:",
        )
        return
    muted = _muted_in_address(counts)
    channels, prediction = st.columns([5, 3], gap="large")
    with channels:
        view = network.layer(_pick_layer(network.views))
        _render_buttons(view, muted, counts)
        _render_grid(view, muted, counts)
        _render_muted(muted, counts)
    with prediction, render_errors():
        _render_prediction(network, image, classes, muted)
    if find_data_problem(network.run, cache.settings()) is not None:
        st.caption("The images of this run are not on this machine, so its accuracy is not known.")
        return
    with render_errors():
        render_evaluation(network.run, network.weights, muted, classes)
    with render_errors():
        toggle = partial(_toggle, view.name, counts)
        render_ablation(network.run, network.weights, view, muted, classes, toggle)


def _muted_in_address(counts: dict[str, int]) -> dict[str, frozenset[int]]:
    muted, unknown = parse_muted(st.query_params.get(OFF, ""), counts)
    if unknown:
        named = ", ".join(map(quoted, unknown[:_MAX_REPORTED]))
        more = len(unknown) - _MAX_REPORTED
        st.error(
            f"The address mutes {named}{f' and {more:,} more' if more > 0 else ''}, which this "
            "network does not have. Write a layer with maps and its channels, such as "
            f"“{next(iter(counts))}:0,2-3”; several layers are separated by “;”.",
            icon=":material/error:",
        )
    return muted


def _pick_layer(views: Sequence[LayerView]) -> str:
    maps = [view for view in views if view.maps is not None]
    first = next((view.name for view in maps if LAYER_TYPES[view.type].has_filters), maps[0].name)
    names = [view.name for view in maps]
    return render_choice(
        "layer",
        "Layer",
        {name: name for name in names},
        key="mute-layer",
        hint="The layer whose channels are shown. Channels of several layers can be muted.",
        problem=lambda word: (
            f"There is no layer {word} with maps. Choose from {escaped(', '.join(names))}."
        ),
        usual=first,
        menu=True,
    )


def _render_buttons(view: LayerView, muted: Muted, counts: dict[str, int]) -> None:
    count, here = counts[view.name], muted.get(view.name, frozenset())
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row:
        clicks = render_choice(
            "click",
            "A click",
            _CLICKS,
            key="mute-click",
            hint=None,
            problem=lambda word: f"A click can be “{'” or “'.join(_CLICKS.values())}”, not {word}.",
            label_visibility="collapsed",
        )
    for label, hint, invert in (
        ("Invert", "Mute the channels of this layer that are on, and no others.", True),
        ("All off", "Mute all channels of this layer.", False),
    ):
        row.button(
            label,
            key="mute-invert" if invert else "mute-all-off",
            help=hint,
            disabled=not invert and len(here) == count,
            on_click=_change_layer,
            args=(view.name, counts),
            kwargs={"invert": invert},
        )
    row.button(
        "All on",
        key="mute-all-on",
        help="Switch all channels of all layers on.",
        disabled=not muted,
        on_click=update_query_params,
        kwargs={OFF: None},
    )
    if clicks == "keep":
        st.caption(
            "The first click in a layer mutes all its other channels; further clicks switch "
            "channels on or off."
        )


def _render_grid(view: LayerView, muted: Muted, counts: dict[str, int]) -> None:
    picture = colored_channels(view, DEFAULT_DISPLAY, None)
    image_grid(
        sprite(picture.images, picture.palette),
        key=f"mute-{view.name}",
        size=_TILE[0],
        largest=_TILE[1],
        muted=muted.get(view.name, frozenset()),
        muted_word="muted",
        noun="Channel",
        description=f"Channels of {view.name}",
        on_click=partial(_click, view.name, counts),
    )
    st.caption(
        "The maps are those of the whole network. A muted channel is multiplied by 0 after its "
        "layer’s activation, at every position and for every image: the layers after it get zeros."
    )


def _click(layer: str, counts: dict[str, int], channel: int) -> None:
    """Mute a channel or switch it on again; or keep only it, if the address says so."""
    address = current_query_params()
    muted, _ = parse_muted(address.get(OFF, ""), counts)
    if address.get("click") == "keep" and layer not in muted:
        _set_muted(with_layer(muted, layer, frozenset(range(counts[layer])) - {channel}))
    else:
        _toggle(layer, counts, channel)


def _toggle(layer: str, counts: dict[str, int], channel: int) -> None:
    # From the current address: after a quick second press the page may not have run again.
    muted, _ = parse_muted(current_query_params().get(OFF, ""), counts)
    _set_muted(with_layer(muted, layer, muted.get(layer, frozenset()) ^ {channel}))


def _change_layer(layer: str, counts: dict[str, int], *, invert: bool) -> None:
    # From the current address: after a quick second press the page may not have run again.
    muted, _ = parse_muted(current_query_params().get(OFF, ""), counts)
    every = frozenset(range(counts[layer]))
    here = muted.get(layer, frozenset())
    _set_muted(with_layer(muted, layer, every - here if invert else every))


def _set_muted(muted: Muted) -> None:
    update_query_params(**{OFF: format_muted(muted) or None})


def _render_muted(muted: Muted, counts: dict[str, int]) -> None:
    """What is muted, in words."""
    if not muted:
        st.caption("Nothing is muted. Click a channel.")
        return
    parts = [f"{layer} {format_ranges(sorted(channels))}" for layer, channels in muted.items()]
    total = sum(map(len, muted.values()))
    st.markdown(f"**{format_count(total, 'channel')} muted**: {escaped('; '.join(parts))}")
    for layer, channels in muted.items():
        if len(channels) < counts[layer]:
            continue
        what = (
            f"{layer} has a single channel, which is muted"
            if counts[layer] == 1
            else f"All {counts[layer]} channels of {layer} are muted"
        )
        st.warning(
            f"{escaped(what)}: nothing of this layer reaches the next. Unless a shortcut or "
            "another branch leads past it, the prediction is the same for every image.",
            icon=":material/warning:",
        )


def _render_prediction(
    network: InspectedNetwork, image: InputImage, classes: Sequence[str], muted: Muted
) -> None:
    assert network.model is not None
    counts = channel_counts(network.run.experiment.architecture)
    pixels = image.pixels[np.newaxis]
    others = network.run.experiment.prediction_views.describe_others()
    before = network.model.probabilities(pixels)[0] if others else network.views[-1].values
    mask = channel_mask(counts, muted)
    after = network.model.muted_predictions(pixels, mask).probabilities[0]
    first, then = int(before.argmax()), int(after.argmax())
    now = f"**{escaped(classes[then])}**, {format_probability(float(after[then]))}"
    if not muted:
        st.markdown("All channels are on.")
    elif first == then:
        st.markdown(f"Without these channels it still predicts {now}.")
    else:
        st.markdown(
            f"Without these channels it predicts {now}, instead of "
            f"**{escaped(classes[first])}**, {format_probability(float(before[first]))}."
        )
    pairs = probability_pairs(classes, before, after, titles=_TITLES, actual=image.actual)
    chart(
        probability_pairs_figure(pairs),
        key="mute-prediction",
        file_name="muted-prediction",
        description="Probabilities of the whole network and of the one with muted channels",
    )
    if others:
        st.caption(f"Averaged with the predictions for {others}, as set for this run.")
