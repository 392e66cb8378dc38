"""One channel, large: its values, its kernel, what excites it, and how it came about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.experiment.architecture import Architecture
from cifarviz.figures.channel_map import (
    channel_map,
    channel_map_figure,
    kernel_grid,
    kernel_grid_figure,
)
from cifarviz.figures.heat_overlay import heat_overlay
from cifarviz.figures.map_pictures import common_scale
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import CHANNEL_COLORS
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.components.chart import chart
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside.channel_epochs import show_channel_epochs
from cifarviz.ui.inside.image import ChosenImage
from cifarviz.ui.inside.shown_weights import weights_words
from cifarviz.ui.inside.top_images import show_top_images
from cifarviz.ui.query import current_query_params, update_query_params
from cifarviz.ui.unbroken import unbroken

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

# CSS pixels; a multiple of the usual kernels' sides.
_PICTURE = 120
_OVERLAY = 320
# So that it begins as high as the charts beside it, which have their buttons above the picture.
_BESIDE_BUTTONS = 18


def chosen_channel(architecture: Architecture) -> tuple[str, int] | None:
    """Layer and channel that the address names, or ``None``; says all that is wrong with them."""
    name, number = st.query_params.get("layer"), st.query_params.get("channel")
    channel = whole_number(number)
    row = next((row for row in architecture.trace().rows if row.name == name), None)
    count = row.output_shape[2] if row and row.output_shape and len(row.output_shape) == 3 else None
    problems = []
    if name is not None and row is None:
        problems.append(
            f"This network has no layer {quoted(name)}; those it has are listed under Layers."
        )
    if number is not None:
        if name is None:
            problems.append(f"To channel {quoted(number)} the address names no layer.")
        elif row is None:
            if channel is None:
                problems.append(f"Channels are numbered from 0; {quoted(number)} is no number.")
        elif count is None:
            problems.append(f"{quoted(row.name)} has no channels: its values are shown as bars.")
        elif channel is None or channel >= count:
            problems.append(
                f"The {count} channels of {quoted(row.name)} are numbered from 0 to {count - 1}; "
                f"{quoted(number)} is none of them."
            )
    for problem in problems:
        st.error(problem, icon=":material/error:")
    if problems or row is None or channel is None:
        return None
    return row.name, channel


@dataclass(frozen=True, eq=False)
class Looked:
    """Whose channels are looked at, and in what: a run's network with some of its weights, an
    image, and what its classes are called on the page."""

    run: Run
    which: Weights
    image: ChosenImage
    model: "TrainedModel | None"
    names: Sequence[str]


def show_channel(view: LayerView, looked: Looked) -> None:
    """Open the channel of a layer with maps that the address names in front of the page."""
    open_ = st.dialog(
        f"A channel of {view.name}",
        width="large",
        on_dismiss=unbroken(_forget),
    )
    open_(_content)(view, looked)


def _content(view: LayerView, looked: Looked) -> None:
    assert view.maps is not None
    count = len(view.maps.images)
    # The first, should the address have come to name one that this layer does not have.
    wanted = whole_number(current_query_params().get("channel")) or 0
    channel = wanted if wanted < count else 0
    _head(view, channel, looked)
    first, second, third = st.columns(3, gap="medium")
    with first:
        kept = looked.model is None
        st.markdown(f"Output, as {'kept, in 256 steps' if kept else 'the network computed it'}")
        chart(
            channel_map_figure(channel_map(view.values[..., channel])),
            key="channel-map",
            view=f"{view.name}-{channel}",
            file_name=f"{view.name}-channel-{channel}",
            description=f"Values of channel {channel} of {view.name}",
        )
    with second:
        _over_image(view.values[..., channel], channel, looked.image)
    with third, errors_shown():
        if looked.model is None:
            st.caption("Its kernel is among the weights of this epoch, which are not here.")
        else:
            _kernel(view, channel, looked.model)
    if looked.model is not None:
        with errors_shown():
            show_top_images(
                looked.run, looked.which, view.name, channel, looked.image.title, looked.names
            )
    with errors_shown():
        show_channel_epochs(looked.run, looked.which, view.name, channel, looked.image)


def _head(view: LayerView, channel: int, looked: Looked) -> None:
    assert view.maps is not None
    count = len(view.maps.images)
    row = st.container(horizontal=True, vertical_alignment="center")
    for label, help_, step in (
        ("Previous", "The channel before this one.", -1),
        ("Next", "The channel after this one.", 1),
    ):
        row.button(
            label,
            key=f"channel-{label.lower()}",
            help=help_,
            disabled=not 0 <= channel + step < count,
            on_click=unbroken(_turn),
            args=(step, count),
        )
    image, name = looked.image, escaped(looked.run.name)
    title = image.title if image.actual is None else f"{image.title}, {looked.names[image.actual]}"
    words = row.container(gap=None)
    words.markdown(
        f"**Channel {channel}** · one of {count}, counted from 0 · {_range(view, channel)}"
    )
    words.caption(f"{name} · {weights_words(looked.run, looked.which)} · {escaped(title)}")


def _over_image(values: NDArray[np.float32], channel: int, image: ChosenImage) -> None:
    st.markdown("Where in the image that is")
    low, high = common_scale(values)
    if low == high:
        st.caption("Nowhere more than elsewhere: the channel has one value.")
        return
    heat = np.where(np.isfinite(values), values - low, 0).astype(np.float32)
    picture = heat_overlay(image.pixels, heat, high - low, side=_OVERLAY)
    alt = f"Channel {channel} over {image.title}"
    st.space(_BESIDE_BUTTONS)
    st.image(sprite(picture[np.newaxis]).png, width=picture.shape[1], alt=alt)
    scale = f"Dark is {low:.4g}, bright is {high:.4g}.".replace("-", "−")
    st.caption(f"Smoothed, over the image in grey. {scale}")


def _kernel(view: LayerView, channel: int, model: "TrainedModel") -> None:
    if not LAYER_TYPES[view.type].has_filters:
        st.caption(f"{LAYER_TYPES[view.type].title} has no kernel.")
        return
    kernel = model.kernel(view.name)[..., channel]
    height, width, inputs = kernel.shape
    # What comes before the first convolution, such as pooling, leaves the image's channels apart.
    network = model.architecture
    layers = zip(network.layer_names, network.layers, strict=True)
    first = view.name == next(name for name, layer in layers if layer.has_filters)
    sees_image = first and inputs == network.input_shape[2]
    names = [name for name, _ in CHANNEL_COLORS[inputs]] if sees_image else None
    if names is not None:
        inputs_text = f"each of the image's channels: {', '.join(names).lower()}"
    else:
        inputs_text = "one input channel" if inputs == 1 else f"each of {inputs} input channels"
    st.markdown(f"Its kernel, {height} × {width} for {inputs_text}")
    chart(
        kernel_grid_figure(kernel_grid(kernel, names)),
        key="channel-kernel",
        view=f"{view.name}-{channel}",
        file_name=f"{view.name}-kernel-{channel}",
        description=f"Kernel of channel {channel} of {view.name}",
    )
    if sees_image and inputs == 3:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.image(_as_picture(kernel), width=_PICTURE, output_format="PNG", alt="Its kernel")
        row.caption("All three as one colour picture. Grey is 0.")


def _as_picture(kernel: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Kernel (h, w, 3) as RGB, mid-grey where it is zero, enlarged without smoothing."""
    limit = float(np.abs(kernel).max()) or 1.0
    pixels = ((kernel / limit + 1) * 127.5).round().astype(np.uint8)
    scale = max(1, 2 * _PICTURE // max(kernel.shape[:2]))
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def _range(view: LayerView, channel: int) -> str:
    values = view.values[..., channel]
    low, high = float(values.min()), float(values.max())
    if view.maps is not None and channel in view.maps.dead:
        return f"{low:.4g} everywhere, so it says nothing about this image"
    words = f"values from {low:.4g} to {high:.4g}, mean {float(values.mean()):.4g}"
    return words.replace("-", "−")


def _turn(step: int, count: int) -> None:
    # From where the session is by now: with a quick second press the page has not come as far.
    channel = (whole_number(current_query_params().get("channel")) or 0) + step
    if 0 <= channel < count:
        update_query_params(channel=str(channel))


def _forget() -> None:
    update_query_params(layer=None, channel=None, side=None)
