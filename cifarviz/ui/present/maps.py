"""The fifth scene: feature maps of one picture, growing over the epochs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import streamlit as st

from cifarviz.analysis.feature_maps import LayerView, layer_views
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ArtifactMissing
from cifarviz.escaping import html_text
from cifarviz.experiment.architecture import Architecture
from cifarviz.figures.pictures import picture_sheet
from cifarviz.runs.kept_maps import images_of_maps, read_maps
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, snapshot_epochs, snapshot_path
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.epoch_scrubber import (
    epoch_from_query,
    epoch_scrubber,
    epochs_with_weights,
    rerun_on_new_epoch,
)
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.present.stage import Stage, headline, mark_of, picture
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
_MOST = 128

# How much wider than high the place for the channels is, alone and beside the notes.
_SHAPE, _SHAPE_BESIDE_NOTES = 2.5, 1.75
Source = WeightsChoice | Literal["maps"]
"""What an epoch's maps are made of: kept maps, or weights that are asked."""


def render_maps(stage: Stage) -> Sequence[str]:
    """The picture, what one layer makes of it, and the epochs."""
    assert stage.run is not None
    run = stage.run
    images = available_images(stage.info, "test")
    image = _image(stage, images)
    fill_query_param("image", str(image))
    layers = _layers(run)
    if not layers:
        headline("This network has no feature maps")
        st.info("It has no layer whose output is a map.", icon=":material/info:")
        return ["Without a convolution or pooling layer there is nothing to see here."]
    layer = stage.choose(
        "layer",
        "Layer",
        {name: name for name in layers},
        hint="Whose output is shown, a picture a channel.",
        problem=lambda word: f"This network has no layer {word} with maps.",
    )
    kept = _sources(run, image)
    if not kept:
        headline("No feature maps were kept")
        st.info(
            f"{quoted(run.name)} has kept neither feature maps nor weights of any epoch, so there "
            "is nothing to watch growing. Present another run, or train one.",
            icon=":material/info:",
        )
        return ["Runs keep feature maps of the pinned images while they train."]
    headline(maps_title(run.experiment.architecture, layer))
    row = st.container(key="present-maps")
    slider = st.container(key="present-epochs")
    with row:
        epoch = epoch_from_query(list(kept), otherwise=next(iter(kept)))
        if not run.state.active:
            fill_query_param("epoch", str(epoch))
        with errors_shown():
            position = images.position_of(image)
            assert position is not None
            actual = stage.names[int(images.labels[position])]
            view = next(
                one
                for one in _views(run, kept[epoch], epoch, images.images[position], image)
                if one.name == layer
            )
            _show_maps(view, images.images[position], f"Test image {image}", actual, stage)
    if len(kept) > 1:
        epoch_scrubber(slider, run, list(kept), epoch)
    else:
        rerun_on_new_epoch(run)
    return _notes(layer, kept, epoch)


def _image(stage: Stage, images: ImageSet) -> int:
    """The test image that is shown: a pinned one, or one whose maps the run has kept."""
    assert stage.run is not None
    folder = cache.store().folder(stage.run.id)
    kept = snapshot_epochs(folder, "maps")
    of_run = images_of_maps(folder, kept[-1]) if kept else ()
    offered = [*of_run, *pinned_images(cache.store(), stage.info)]
    here = [one for one in dict.fromkeys(offered) if images.position_of(one) is not None]
    names = {
        str(one): f"{stage.names[int(images.labels[images.position_of(one)])]}, test image {one}"
        for one in here or [int(images.indices[0])]
    }
    return int(
        stage.choose(
            "image",
            "Picture",
            names,
            hint="A pinned test image; the network has never learned from it.",
            problem=lambda word: f"Picture {word} is not among the pinned ones that are here.",
        )
    )


def _layers(run: Run) -> list[str]:
    rows = run.experiment.architecture.trace().rows
    return [row.name for row in rows if row.output_shape is not None and len(row.output_shape) == 3]


def _sources(run: Run, image: int) -> dict[int, Source]:
    """The epochs there is something of, in order: kept maps first, which need no network."""
    folder = cache.store().folder(run.id)
    sources: dict[int, Source] = dict(epochs_with_weights(run))
    for epoch in snapshot_epochs(folder, "maps"):
        if epoch <= run.epochs_done and image in _images_of(folder, epoch):
            sources[epoch] = "maps"
    return dict(sorted(sources.items()))


def _images_of(folder: Path, epoch: int) -> tuple[int, ...]:
    stamp = snapshot_path(folder, "maps", epoch).stat().st_mtime_ns
    return _images_kept(str(folder), epoch, stamp)


@st.cache_resource(max_entries=256, show_spinner=False)
def _images_kept(folder: str, epoch: int, stamp: int) -> tuple[int, ...]:
    return images_of_maps(Path(folder), epoch)


def _views(
    run: Run, source: Source, epoch: int, pixels: np.ndarray, image: int
) -> tuple[LayerView, ...]:
    if source != "maps":
        return cache.layer_views(run, source, pixels)
    path = snapshot_path(cache.store().folder(run.id), "maps", epoch)
    if not path.is_file():
        raise ArtifactMissing(
            "The feature maps of epoch {epoch} were removed just now. Choose another epoch.",
            epoch=epoch,
        )
    return _kept_views(run.id, epoch, path.stat().st_mtime_ns, image)


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept_views(run_id: str, epoch: int, stamp: int, image: int) -> tuple[LayerView, ...]:
    return layer_views(read_maps(cache.store().folder(run_id), epoch, image))


def _show_maps(view: LayerView, pixels: np.ndarray, name: str, actual: str, stage: Stage) -> None:
    assert view.maps is not None
    shown = view.maps.images[:_MOST]
    shape = _SHAPE if stage.panel is None else _SHAPE_BESIDE_NOTES
    height, width = shown.shape[1:3]
    columns = _columns(len(shown), shape * height / width)
    rows = math.ceil(len(shown) / columns)
    count = f"{len(view.maps.images)} channels"
    if len(view.maps.images) > _MOST:
        count = f"the first {_MOST} of {count}"
    original = picture(picture_sheet(pixels[np.newaxis], 1), f"{name}, {actual}")
    sheet = picture(picture_sheet(shown, columns), f"Channels of {view.name}")
    assert stage.run is not None
    mark = mark_of(stage.run)
    st.html(
        f'<div class="present-maps"><figure>{original}<figcaption>{html_text(actual)}</figcaption>'
        f"<small>{html_text(view.name)}: {count} of {height} × {width}</small>"
        f'<small class="present-mark {mark}">{mark}</small></figure>'
        f'<div class="sheet" style="--ratio: {columns * width / (rows * height):.4f}">'
        f"{sheet}</div></div>"
    )


def _columns(count: int, shape: float) -> int:
    """Columns that make ``count`` squares largest in a place ``shape`` times as wide as high."""
    in_rows = ((rows, math.ceil(count / rows)) for rows in range(1, count + 1))
    return max(in_rows, key=lambda one: (min(shape / one[1], 1 / one[0]), -one[1]))[1]


def _notes(layer: str, kept: Mapping[int, Source], epoch: int) -> Sequence[str]:
    when = "before any training" if epoch == 0 else f"after epoch {epoch}"
    return [
        f"Each square is one channel of **{layer}**, scaled by itself: bright is where it answers "
        "strongly. A plain grey square says nothing about this picture.",
        f"Now {when}. {_played(kept)}",
        "Random filters answer to something already: what training changes is which of it is of "
        "use.",
    ]


def _played(kept: Mapping[int, Source]) -> str:
    """Which epochs it plays over, and where their maps come from."""
    first, last = next(iter(kept)), next(reversed(kept))
    stored = sum(1 for source in kept.values() if source == "maps")
    while_trained = "kept while the run trained, in a byte a value"
    if len(kept) == 1:
        source = while_trained if stored else "computed from its kept weights"
        return (
            f"Of no other epoch anything was kept, so there is nothing to play; these are {source}."
        )
    plays = f"It plays over {len(kept)} epochs, from {first} to {last};"
    if not stored:
        return f"{plays} the maps are computed from the weights the run has kept of them."
    if stored == len(kept):
        return f"{plays} their maps were {while_trained}."
    of = "one of them" if stored == 1 else f"{stored} of them"
    return f"{plays} the maps of {of} were {while_trained}, the others are computed from weights."


def maps_title(architecture: Architecture, name: str) -> str:
    """What the layer ``name`` does, such as ``What the first convolution sees``."""
    at = architecture.layer_names.index(name)
    layer = architecture.layers[at]
    alike = [number for number, one in enumerate(architecture.layers) if one.type == layer.type]
    place = alike.index(at)
    title = layer.title if layer.title.isupper() else layer.title.lower()
    if len(alike) == 1:
        words = f"the {title}"
    elif place < len(_ORDINALS):
        words = f"the {_ORDINALS[place]} {title}"
    else:
        words = f"{title} {place + 1}"
    # What has filters looks for something; the others do something with what was found.
    return f"What {words} {'sees' if layer.has_filters else 'makes of it'}"
