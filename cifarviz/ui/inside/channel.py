"""One channel, large, with its values and the kernel that makes it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.errors import ArtifactMissing
from cifarviz.experiment.layers import LAYER_TYPES
from cifarviz.figures.channel_map import (
    channel_map,
    channel_map_figure,
    kernel_grid,
    kernel_grid_figure,
)
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.components.chart import chart
from cifarviz.ui.errors import errors_shown

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

# CSS pixels; a multiple of the usual kernels' sides.
_PICTURE = 120


def chosen_channel(views: Sequence[LayerView]) -> tuple[str, int] | None:
    """Layer and channel that the address names, or ``None``.

    Raises ``ArtifactMissing`` when there is no such thing in this network.
    """
    name, number = st.query_params.get("layer"), st.query_params.get("channel")
    if name is None:
        return None
    view = next((view for view in views if view.name == name), None)
    if view is None:
        raise ArtifactMissing(
            f"This network has no layer {quoted(name)}; the list below names those it has."
        )
    if number is None:
        return None
    if view.maps is None:
        raise ArtifactMissing(f"{name} has no channels: its values are shown as bars.")
    count = len(view.maps.images)
    channel = whole_number(number)
    if channel is None or channel >= count:
        raise ArtifactMissing(
            f"The channels of {name} are numbered 0 to {count - 1}; {quoted(number)} is none of "
            "them."
        )
    return name, channel


def show_channel(view: LayerView, channel: int, model: "TrainedModel") -> None:
    """Open a channel of a layer with maps in front of the page, and put it into the address."""
    st.query_params.update({"layer": view.name, "channel": str(channel)})
    open_ = st.dialog(
        f"A channel of {view.name}",
        width="large",
        on_dismiss=_forget,
    )
    open_(_content)(view, model)


def _content(view: LayerView, model: "TrainedModel") -> None:
    assert view.maps is not None
    count = len(view.maps.images)
    channel = int(st.query_params.get("channel", 0))
    row = st.container(horizontal=True, vertical_alignment="center")
    for label, help_, to in (
        ("Previous", "The channel before this one.", channel - 1),
        ("Next", "The channel after this one.", channel + 1),
    ):
        row.button(
            label,
            key=f"channel-{label.lower()}",
            help=help_,
            disabled=not 0 <= to < count,
            on_click=_turn_to,
            args=(to,),
        )
    values = view.values[..., channel]
    row.markdown(f"**Channel {channel}** of 0 to {count - 1} · {_range(view, channel)}")
    left, right = st.columns(2)
    with left:
        st.markdown("Output, as the network computed it")
        chart(
            channel_map_figure(channel_map(values)),
            key="channel-map",
            view=f"{view.name}-{channel}",
            file_name=f"{view.name}-channel-{channel}",
            description=f"Values of channel {channel} of {view.name}",
        )
    with right, errors_shown():
        _kernel(view, channel, model)


def _kernel(view: LayerView, channel: int, model: "TrainedModel") -> None:
    if view.type != "conv2d":
        st.caption(f"{LAYER_TYPES[view.type].title} has no kernel.")
        return
    kernel = model.kernel(view.name)[..., channel]
    height, width, inputs = kernel.shape
    st.markdown(f"Its kernel, {height} × {width} for each of {inputs} input channels")
    chart(
        kernel_grid_figure(kernel_grid(kernel)),
        key="channel-kernel",
        view=f"{view.name}-{channel}",
        file_name=f"{view.name}-kernel-{channel}",
        description=f"Kernel of channel {channel} of {view.name}",
    )
    if view.name == "conv2d_1" and inputs == 3:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.image(_as_picture(kernel), width=_PICTURE, output_format="PNG", alt="Its kernel")
        row.caption("The same as one colour picture: its input is red, green and blue. Grey is 0.")


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
    return f"values from {low:.4g} to {high:.4g}, mean {float(values.mean()):.4g}"


def _turn_to(channel: int) -> None:
    st.query_params["channel"] = str(channel)


def _forget() -> None:
    for name in ("layer", "channel"):
        st.query_params.pop(name, None)
