"""How channels are displayed, and their downloads."""

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from cifarviz.analysis.feature_maps import (
    LayerView,
    channel_order,
    least_correlated_first,
    scale_to_range,
    value_range,
)
from cifarviz.escaping import safe_file_name
from cifarviz.figures.color_maps import ColorMap, apply_color_map, css_gradient, is_diverging
from cifarviz.figures.pictures import channel_grid
from cifarviz.ui.address import escaped
from cifarviz.ui.inside.image import InspectedNetwork
from cifarviz.ui.query import render_choice

Scale = Literal["own", "layer"]
Order = Literal["index", "strength", "variance", "change"]
_ORDERS: dict[Order, str] = {
    "index": "Number",
    "strength": "Strength",
    "variance": "Variance",
}
_SCALES: dict[Scale, str] = {"own": "Per channel", "layer": "Per layer"}
_COLORS: dict[ColorMap, str] = {
    "grey": "Grey",
    "viridis": "Viridis",
    "magma": "Magma",
    "purple-green": "Purple–green",
}
_ENDS: dict[ColorMap, tuple[str, str]] = {
    "grey": ("black", "white"),
    "viridis": ("dark blue", "yellow"),
    "magma": ("black", "light yellow"),
    "purple-green": ("purple", "green"),
}
_CHANNELS = (
    "Each picture is the feature map of a channel. Click a channel to enlarge it. Crossed-out "
    "channels are dead: they have the same value everywhere in this image."
)
_BAR = (
    '<div style="display:flex;flex-wrap:wrap;align-items:center;gap:0.25rem 0.6rem;'
    'font-size:0.875rem">{low}<span aria-hidden="true" style="width:13rem;height:0.8rem;'
    'border-radius:0.2rem;border:1px solid rgba(128,138,148,0.55);background:{gradient}"></span>'
    "{high}{middle}</div>"
)


@dataclass(frozen=True)
class ChannelDisplay:
    """Order, scale and colours of channels; ``"change"`` needs two epochs of a run."""

    order: Order
    scale: Scale
    colors: ColorMap

    @property
    def ends(self) -> tuple[str, str]:
        """The names of the colours of the lowest and the highest value."""
        return _ENDS[self.colors]


DEFAULT_DISPLAY = ChannelDisplay("index", "own", "grey")
"""How channels are drawn where nothing else is chosen."""


@dataclass(frozen=True, eq=False)
class ColoredChannels:
    """``images`` uint8 (channels, h, w, 1): grey values, or indices into ``palette``."""

    images: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The colours shown, uint8 (channels, h, w, 1 if grey, else 3)."""
        return self.images if self.palette is None else self.palette[self.images[..., 0]]


_ALL = "all"


def pick_channel_display(*, of_two_epochs: bool) -> ChannelDisplay:
    """Render the controls; the address holds ``order``, ``scale`` and ``colors``."""
    orders = dict(_ORDERS)
    if of_two_epochs:
        orders["change"] = "Change"
    change_hint = " Change: least correlated maps first." if of_two_epochs else ""
    order = render_choice(
        "order",
        "Order of channels",
        orders,
        key="inside-order",
        hint="Number: as in the layer. Strength: highest mean absolute value first. Variance: "
        f"highest variance within the map first.{change_hint}",
        problem=lambda word: (
            f"Channels cannot be ordered by {word}, only by {', '.join(_ORDERS)}, or by change "
            "where two epochs of a run are compared."
        ),
    )
    scale = render_choice(
        "scale",
        "Scale",
        _SCALES,
        key="inside-scale",
        hint="Per channel shows the pattern of each channel; per layer shows which channels are "
        "strong.",
        problem=lambda word: f"The scale is {' or '.join(_SCALES)}, not {word}.",
    )
    colors = render_choice(
        "colors",
        "Colours",
        _COLORS,
        key="inside-colors",
        hint="Viridis and Magma get evenly lighter, like grey, and distinguish more values. "
        "Purple–green has white in the middle: the channel’s mean or, with a scale per layer, 0.",
        problem=lambda word: f"The colours are {', '.join(_COLORS)}, not {word}.",
    )
    return ChannelDisplay(order, scale, colors)


def render_legend(display: ChannelDisplay) -> None:
    """Render the colour bar and the caption of channel pictures."""
    if display.scale == "layer":
        low, high, middle = "the layer’s smallest value", "its largest", ""
        if is_diverging(display.colors):
            low, high, middle = "below 0", "above 0", "White is 0."
    else:
        low, high = "2 standard deviations below the channel’s mean", "2 above it"
        middle = "White is the mean." if is_diverging(display.colors) else ""
    st.html(
        _BAR.format(
            low=low,
            high=high,
            middle=f"<span>· {middle}</span>" if middle else "",
            gradient=css_gradient(display.colors),
        )
    )
    st.caption(_CHANNELS)


def scale_limits(display: ChannelDisplay, *views: LayerView | None) -> tuple[float, float] | None:
    """The lowest and highest value of the layers' shared scale; ``None``: a scale per channel."""
    maps = [view.values for view in views if view is not None and view.maps is not None]
    # A single value per channel has no scale of its own.
    if display.scale == "own" and any(values.shape[:2] != (1, 1) for values in maps):
        return None
    return value_range(*maps, around_zero=is_diverging(display.colors))


def colored_channels(
    view: LayerView, display: ChannelDisplay, ends: tuple[float, float] | None
) -> ColoredChannels:
    """The channels of a layer with maps, coloured; ``ends`` are its ``scale_limits``."""
    assert view.maps is not None
    maps = view.maps if ends is None else scale_to_range(view.maps, view.values, ends)
    return ColoredChannels(*apply_color_map(maps.images, maps.dead, display.colors))


def ordered_channels(
    view: LayerView, display: ChannelDisplay, compared: LayerView | None
) -> list[int]:
    """Channel numbers in display order; ``compared`` is the layer at the other epoch, if any."""
    if display.order != "change":
        order = channel_order(view.values, display.order)
    elif compared is None:
        order = np.arange(view.values.shape[-1])
    else:
        order = least_correlated_first(view.values, compared.values)
    return [int(number) for number in order]


def format_limits(display: ChannelDisplay, ends: tuple[float, float] | None) -> str | None:
    """The ends of a layer's scale: ``"black is 0, white is 3.2"``; ``None`` without one."""
    if ends is None:
        return None
    pairs = zip(display.ends, ends, strict=True)
    return ", ".join(f"{color} is {value:.3g}" for color, value in pairs).replace("-", "−")


def render_exports(network: InspectedNetwork, display: ChannelDisplay) -> None:
    """Render the download menu of a layer or all layers; the address holds ``file``."""
    with st.popover("Download", icon=":material/download:"):
        views = {view.name: view for view in network.views}
        chosen = render_choice(
            "file",
            "Layer to download",
            {_ALL: "all layers", **{name: name for name in views}},
            key="inside-file",
            hint=f"The layer to download, from the network on the left: {escaped(network.title)}."
            if network.title
            else "The layer to download.",
            problem=lambda word: f"There is no layer {word}. Choose from {', '.join(views)}.",
            menu=True,
        )
        selected = views.get(chosen)
        layers = list(views.values()) if selected is None else [selected]
        name = "feature-maps" if selected is None else selected.name
        _render_download(
            "Values",
            lambda: values_file(layers),
            safe_file_name(name, ".npz"),
            "application/zip",
            "Output for this image, as NumPy arrays in an .npz file.",
        )
        if not any(view.maps is not None for view in layers):
            st.caption("There is no picture because the output has no feature maps.")
        elif selected is None:
            _render_download(
                "Pictures",
                lambda: pictures_file(layers, display),
                safe_file_name(name, ".zip"),
                "application/zip",
                "A PNG per layer with all channels, scaled and coloured as shown, in a .zip file.",
            )
        else:
            _render_download(
                "Picture",
                lambda: picture_file(selected, display),
                safe_file_name(name, ".png"),
                "image/png",
                "A PNG with all channels, scaled and coloured as shown.",
            )


def _render_download(
    label: str, data: Callable[[], bytes], file_name: str, mime: str, hint: str
) -> None:
    st.download_button(
        label,
        data,
        file_name=file_name,
        mime=mime,
        icon=":material/download:",
        on_click="ignore",
        help=hint,
    )


def values_file(views: Sequence[LayerView]) -> bytes:
    """An ``.npz`` file with each layer's values, float32, by layer name."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{view.name: view.values for view in views})
    return buffer.getvalue()


def picture_file(view: LayerView, display: ChannelDisplay) -> bytes:
    """A PNG of all channels of a layer with maps, by number, scaled and coloured as shown."""
    buffer = io.BytesIO()
    Image.fromarray(
        channel_grid(colored_channels(view, display, scale_limits(display, view)).rgb)
    ).save(buffer, "PNG")
    return buffer.getvalue()


def pictures_file(views: Sequence[LayerView], display: ChannelDisplay) -> bytes:
    """A ``.zip`` file with a PNG per layer with maps, named as ``feature-maps`` names them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, view in enumerate(views, 1):
            if view.maps is not None:
                archive.writestr(
                    safe_file_name(f"{number:02d}-{view.name}", ".png"), picture_file(view, display)
                )
    return buffer.getvalue()
