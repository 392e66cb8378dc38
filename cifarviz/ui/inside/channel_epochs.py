"""What became of a channel over the epochs of its run."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.errors import CifarvizError
from cifarviz.figures.map_pictures import common_scale, map_pictures
from cifarviz.figures.sprite import sprite
from cifarviz.runs.kept_weights import epoch_of
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.epoch_scrubber import epochs_to_look_into
from cifarviz.ui.inside.image import ChosenImage
from cifarviz.ui.inside.network import shown_network
from cifarviz.ui.query import update_query_params

_TILE = 64


@dataclass(frozen=True, eq=False)
class EpochMaps:
    """A layer's maps after an epoch, float32 (height, width, channels), or why there are none."""

    epoch: int
    maps: NDArray[np.float32] | None
    problem: str = ""


def show_channel_epochs(
    run: Run, which: Weights, layer: str, channel: int, image: ChosenImage
) -> None:
    """The channel's map for ``image`` after each epoch there is; one clicked is gone to."""
    st.markdown("**Over the epochs**")
    kept = epochs_to_look_into(run, image.test_index)
    if len(kept) < 2:
        st.caption(
            "This run has kept the weights of no other epoch, so it cannot be told how the channel "
            "came about: it was made by an earlier version, or they were thinned out for room."
        )
        return
    epochs = maps_over_epochs(run, layer, image)
    shapes = [one.maps.shape[:2] for one in epochs if one.maps is not None]
    if not shapes:
        st.warning("None of this run’s weights can be read.", icon=":material/warning:")
        return
    missing = np.zeros(shapes[0], np.float32)
    known = np.stack([one.maps[..., channel] for one in epochs if one.maps is not None])
    low, high = (f"{value:.4g}".replace("-", "−") for value in common_scale(known))
    scale = (
        f"; it is {low} everywhere after all of them"
        if low == high
        else f", all on one scale: darkest is {low}, brightest {high}"
    )
    st.caption(
        f"Its map for this image after each epoch of which weights or maps were kept{scale}. Click "
        "one to go to that epoch."
    )
    pictures = iter(map_pictures(known))
    empty = map_pictures(missing[np.newaxis])[0]
    current = epoch_of(run, which)
    numbers = [one.epoch for one in epochs]
    clicked = image_grid(
        sprite(np.stack([empty if one.maps is None else next(pictures) for one in epochs])),
        key="channel-epochs",
        labels=[f"epoch {number}" for number in numbers],
        tooltips=[_tip(one, channel) for one in epochs],
        size=_TILE,
        selected=numbers.index(current) if current in numbers else None,
        muted=[place for place, one in enumerate(epochs) if one.maps is None],
        muted_word="cannot be shown",
        description="The channel over the epochs",
    )
    for one in epochs:
        if one.maps is None:
            st.caption(f"Epoch {one.epoch}: {escaped(one.problem)}")
    if clicked is not None:
        update_query_params(checkpoint="epochs", epoch=str(numbers[clicked]))
        st.rerun()


def maps_over_epochs(run: Run, layer: str, image: ChosenImage) -> tuple[EpochMaps, ...]:
    """A layer's maps for ``image`` after every epoch of which ``run`` has kept them or its weights.

    In order.
    """
    kept = tuple(
        (epoch, which, cache.weights_stamp(run, which))
        for epoch, which in epochs_to_look_into(run, image.test_index).items()
    )
    return _maps_over_epochs(run.id, str(cache.settings()), layer, kept, image.pixels, run, image)


@st.cache_resource(max_entries=8, show_spinner=False)
def _maps_over_epochs(
    run_id: str,
    settings: str,
    layer: str,
    kept: tuple[tuple[int, Weights, int], ...],
    pixels: NDArray[np.uint8],
    _run: Run,
    _image: ChosenImage,
) -> tuple[EpochMaps, ...]:
    return tuple(_maps_after(_run, epoch, which, layer, _image) for epoch, which, _ in kept)


def _maps_after(run: Run, epoch: int, which: Weights, layer: str, image: ChosenImage) -> EpochMaps:
    try:
        views = shown_network(run, which, image).views
    except CifarvizError as error:
        # Other epochs may be whole.
        return EpochMaps(epoch, None, str(error))
    return EpochMaps(epoch, next(view.values for view in views if view.name == layer))


def _tip(one: EpochMaps, channel: int) -> str:
    if one.maps is None:
        return f"Epoch {one.epoch}"
    values = one.maps[..., channel]
    low, high = float(values.min()), float(values.max())
    words = f"{low:.4g} everywhere" if low == high else f"from {low:.4g} to {high:.4g}"
    return f"Epoch {one.epoch}: {words}".replace("-", "−")
