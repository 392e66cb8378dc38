"""The fifth scene: feature maps of a picture over the epochs."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import streamlit as st

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.data.image_set import ImageSet
from cifarviz.escaping import html_text
from cifarviz.experiment.architecture import Architecture
from cifarviz.figures.pictures import picture_sheet
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, snapshot_epochs
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.epoch_scrubber import (
    epoch_from_query,
    epochs_with_weights,
    render_epoch_slider,
    rerun_on_new_epoch,
)
from cifarviz.ui.errors import render_errors
from cifarviz.ui.present.stage import Stage, picture_html, render_headline, replay_mark
from cifarviz.ui.query import fill_query_param

_ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
)
_MAX_CHANNELS = 128

# Width to height of the place for the channels, without and with the notes.
_ASPECT, _ASPECT_WITH_NOTES = 2.5, 1.75
Source = WeightsChoice | Literal["maps"]
"""What an epoch's maps are made of: kept maps, or weights that are asked."""


def render_maps(stage: Stage) -> Sequence[str]:
    """Render the picture, the feature maps of a layer, and a slider over the epochs."""
    assert stage.run is not None
    run = stage.run
    images = available_images(run, "test")
    image = _pick_image(stage, images)
    fill_query_param("image", str(image))
    layers = _map_layers(run)
    if not layers:
        render_headline("This network has no feature maps")
        st.info("None of its layers has feature maps as output.", icon=":material/info:")
        return ["Feature maps need a convolution or pooling layer."]
    layer = stage.pick(
        "layer",
        "Layer",
        {name: name for name in layers},
        hint="The layer whose output is shown, a picture per channel.",
        problem=lambda word: f"This network has no layer {word} with maps.",
    )
    sources = _epoch_sources(run, image)
    if not sources:
        render_headline("No feature maps were saved")
        st.info(
            f"{quoted(run.name)} has neither saved feature maps nor weights. Present another run, "
            "or train a network.",
            icon=":material/info:",
        )
        return ["Runs save feature maps of the pinned images while they train."]
    render_headline(_format_title(run.experiment.architecture, layer))
    row = st.container(key="present-maps")
    slider = st.container(key="present-epochs")
    with row:
        epoch = epoch_from_query(list(sources), otherwise=next(iter(sources)))
        if not run.state.active:
            fill_query_param("epoch", str(epoch))
        with render_errors():
            position = images.position_of(image)
            assert position is not None
            actual = stage.names[int(images.labels[position])]
            source, pixels = sources[epoch], images.images[position]
            views = (
                cache.snapshot_layer_views(run, epoch, image)
                if source == "maps"
                else cache.layer_views(run, source, pixels)
            )
            view = next(view for view in views if view.name == layer)
            _render_channels(view, pixels, f"Test image {image}", actual, stage)
    if len(sources) > 1:
        render_epoch_slider(slider, run, list(sources), epoch)
    else:
        rerun_on_new_epoch(run)
    return _notes(layer, sources, epoch)


def maps_preview(stage: Stage) -> str:
    """What the scene shows, of the first layer with maps."""
    assert stage.run is not None
    layers = _map_layers(stage.run)
    if not layers:
        return "This network has no feature maps."
    return f"{_format_title(stage.run.experiment.architecture, layers[0])}, epoch by epoch."


def _pick_image(stage: Stage, images: ImageSet) -> int:
    """The number of the test image: pinned, or with maps saved by the run."""
    assert stage.run is not None
    epochs = snapshot_epochs(cache.store().folder(stage.run.id), "maps")
    with_maps = cache.images_with_maps(stage.run, epochs[-1]) if epochs else ()
    candidates = [*with_maps, *pinned_images(cache.store(), stage.info)]
    available = images.having(dict.fromkeys(candidates))
    if not len(available):
        available = images.take([0])
    names = {
        str(index): f"{stage.names[label]}, test image {index}"
        for index, label in zip(available.indices, available.labels, strict=True)
    }
    return int(
        stage.pick(
            "image",
            "Picture",
            names,
            hint="A pinned test image. The network has never learned from it.",
            problem=lambda word: f"Picture {word} is not pinned, or not on this machine.",
        )
    )


def _map_layers(run: Run) -> list[str]:
    rows = run.experiment.architecture.trace().all_rows
    return [row.name for row in rows if row.output_shape is not None and len(row.output_shape) == 3]


def _epoch_sources(run: Run, image: int) -> dict[int, Source]:
    """The epochs with saved maps or weights, in order; maps are preferred: they need no network."""
    sources: dict[int, Source] = dict(epochs_with_weights(run))
    for epoch in snapshot_epochs(cache.store().folder(run.id), "maps"):
        if epoch <= run.epochs_done and image in cache.images_with_maps(run, epoch):
            sources[epoch] = "maps"
    return dict(sorted(sources.items()))


def _render_channels(
    view: LayerView, pixels: np.ndarray, name: str, actual: str, stage: Stage
) -> None:
    assert view.maps is not None
    channels = view.maps.images[:_MAX_CHANNELS]
    aspect = _ASPECT if stage.panel is None else _ASPECT_WITH_NOTES
    height, width = channels.shape[1:3]
    columns = _columns(len(channels), aspect * height / width)
    rows = math.ceil(len(channels) / columns)
    count = len(view.maps.images)
    size = (
        f"{count} channels of {height} × {width}"
        if count <= _MAX_CHANNELS
        else f"the first {_MAX_CHANNELS} of {count} channels of {height} × {width}"
    )
    original = picture_html(picture_sheet(pixels[np.newaxis], 1), f"{name}, {actual}")
    sheet = picture_html(picture_sheet(channels, columns), f"Channels of {view.name}")
    assert stage.run is not None
    mark = replay_mark(stage.run)
    st.html(
        f'<div class="present-maps"><figure>{original}<figcaption>{html_text(actual)}</figcaption>'
        f"<small>{html_text(view.name)}: {size}</small>"
        f'<small class="present-mark {mark}">{mark}</small></figure>'
        f'<div class="sheet" style="--ratio: {columns * width / (rows * height):.4f}">'
        f"{sheet}</div></div>"
    )


def _columns(count: int, aspect: float) -> int:
    """The columns for the largest ``count`` squares in a place ``aspect`` times as wide as high."""
    layouts = ((rows, math.ceil(count / rows)) for rows in range(1, count + 1))
    return max(layouts, key=lambda layout: (min(aspect / layout[1], 1 / layout[0]), -layout[1]))[1]


def _notes(layer: str, sources: Mapping[int, Source], epoch: int) -> Sequence[str]:
    when = "Before training." if epoch == 0 else f"After epoch {epoch}."
    return [
        f"Each square is a channel of **{layer}** on its own scale: bright is a high output. A "
        "plain grey square is a dead channel: it has the same value everywhere.",
        f"{when} {_format_sources(sources)}",
        "Random filters already respond to patterns; training makes them respond to useful ones.",
    ]


def _format_sources(sources: Mapping[int, Source]) -> str:
    """The note on the epochs that are played, and the source of their maps."""
    first, last = next(iter(sources)), next(reversed(sources))
    saved = sum(1 for source in sources.values() if source == "maps")
    if len(sources) == 1 and saved:
        return "The maps were saved during training, with 256 levels. No other epoch was saved."
    if len(sources) == 1:
        return "The maps are computed from saved weights. No other epoch was saved."
    epochs = f"{len(sources)} epochs from {first} to {last}"
    if not saved:
        return f"Plays {epochs}. The maps are computed from saved weights."
    if saved == len(sources):
        return f"Plays {epochs}. The maps were saved during training, with 256 levels."
    if saved == 1:
        return (
            f"Plays {epochs}. The maps of 1 epoch were saved during training, with 256 levels; the "
            "others are computed from weights."
        )
    return (
        f"Plays {epochs}. The maps of {saved} epochs were saved during training, with 256 "
        "levels; the others are computed from weights."
    )


def _format_title(architecture: Architecture, name: str) -> str:
    """The headline for a layer: ``Feature maps after the first convolution``."""
    rows = architecture.trace().all_rows
    row = next(row for row in rows if row.name == name)
    same_type = [other.name for other in rows if other.type == row.type]
    place = same_type.index(name)
    title = LAYER_TYPES[row.type].title
    title = title if title.isupper() else title.lower()
    if len(same_type) == 1:
        return f"Feature maps after the {title}"
    if place < len(_ORDINALS):
        return f"Feature maps after the {_ORDINALS[place]} {title}"
    return f"Feature maps after {title} {place + 1}"
