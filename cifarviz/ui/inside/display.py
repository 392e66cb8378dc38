"""How channels are displayed, and their pictures as files."""

import io
import zipfile
from collections.abc import Sequence
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
from cifarviz.ui.inside.image import ShownNetwork
from cifarviz.ui.query import render_choice

Scale = Literal["own", "layer"]
Order = Literal["index", "strength", "variance", "change"]
_ORDERS: dict[Order, str] = {
    "index": "Number",
    "strength": "Strength",
    "variance": "Variance",
}
_SCALES: dict[Scale, str] = {"own": "Each its own", "layer": "One a layer"}
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
    "Each picture is one channel: what one of the layer’s filters finds, and where. Click one to "
    "see it large. Crossed out are dead channels: they have the same value everywhere, so they say "
    "nothing about this image."
)
_BAR = (
    '<div style="display:flex;flex-wrap:wrap;align-items:center;gap:0.25rem 0.6rem;'
    'font-size:0.875rem">{low}<span aria-hidden="true" style="width:13rem;height:0.8rem;'
    'border-radius:0.2rem;border:1px solid rgba(128,138,148,0.55);background:{gradient}"></span>'
    "{high}{middle}</div>"
)


@dataclass(frozen=True)
class ChannelDisplay:
    """``order``: ``"change"`` is only where two epochs of one run are compared."""

    order: Order
    scale: Scale
    colors: ColorMap

    @property
    def ends(self) -> tuple[str, str]:
        """What the colours of the smallest and of the largest value are called."""
        return _ENDS[self.colors]


USUAL = ChannelDisplay("index", "own", "grey")
"""How channels are drawn where nothing else is chosen."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """``images`` uint8 (channels, h, w, 1), by number, are grey or places in the ``palette``."""

    images: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The same as what is seen, uint8 (channels, h, w, 1 if grey, else 3)."""
        return self.images if self.palette is None else self.palette[self.images[..., 0]]


_ALL = "all"


def choose_manner(*, of_two_epochs: bool) -> ChannelDisplay:
    """Show the choices; the address holds them as ``order``, ``scale`` and ``colors``."""
    orders = dict(_ORDERS)
    if of_two_epochs:
        orders["change"] = "Change"
    changed = " Change: those first whose two maps are least alike." if of_two_epochs else ""
    order = render_choice(
        "order",
        "Order of channels",
        orders,
        key="inside-order",
        hint="By number; the strongest first, by the mean of what they put out, sign aside; or "
        f"the ones first that differ most from place to place.{changed}",
        problem=lambda word: (
            f"Channels are ordered by {', '.join(_ORDERS)}, not by {word}; by change, where two "
            "epochs of one run are compared."
        ),
    )
    scale = render_choice(
        "scale",
        "Scale",
        _SCALES,
        key="inside-scale",
        hint="Each channel on a scale of its own shows what is in it; one scale for a layer "
        "shows which of its channels are strong.",
        problem=lambda word: f"The scale is {' or '.join(_SCALES)}, not {word}.",
    )
    colors = render_choice(
        "colors",
        "Colours",
        _COLORS,
        key="inside-colors",
        hint="Viridis and Magma get lighter evenly, as grey does, and tell more values apart. "
        "Purple–green has white in the middle: for a channel’s mean or, on one scale, 0.",
        problem=lambda word: f"The colours are {', '.join(_COLORS)}, not {word}.",
    )
    return ChannelDisplay(order, scale, colors)


def legend(manner: ChannelDisplay) -> None:
    """Say what is a picture and what its colours are."""
    if manner.scale == "layer":
        low, high, middle = "the layer’s smallest value", "its largest", ""
        if is_diverging(manner.colors):
            low, high, middle = "below 0", "above 0", "White is 0, on one scale for each layer."
    else:
        low, high = "two standard deviations below the channel’s own mean", "two above it"
        middle = "White is the mean." if is_diverging(manner.colors) else ""
    st.html(
        _BAR.format(
            low=low,
            high=high,
            middle=f"<span>· {middle}</span>" if middle else "",
            gradient=css_gradient(manner.colors),
        )
    )
    st.caption(_CHANNELS)


def limits(manner: ChannelDisplay, *views: LayerView | None) -> tuple[float, float] | None:
    """The values at the ends of the scale that these layers share; ``None``: each its own."""
    layers = [view.values for view in views if view is not None and view.maps is not None]
    # One value a channel has no scale of its own.
    if manner.scale == "own" and any(values.shape[:2] != (1, 1) for values in layers):
        return None
    return value_range(*layers, around_zero=is_diverging(manner.colors))


def drawn(view: LayerView, manner: ChannelDisplay, ends: tuple[float, float] | None) -> Drawn:
    """The channels of a layer with maps; ``ends`` are its ``limits``."""
    assert view.maps is not None
    maps = view.maps if ends is None else scale_to_range(view.maps, view.values, ends)
    return Drawn(*apply_color_map(maps.images, maps.dead, manner.colors))


def ordered(view: LayerView, manner: ChannelDisplay, before: LayerView | None) -> list[int]:
    """The channels in order; ``before`` is the layer at another epoch, if one is compared."""
    if manner.order == "change":
        found = np.arange(view.values.shape[-1])
        if before is not None:
            found = least_correlated_first(view.values, before.values)
    else:
        found = channel_order(view.values, manner.order)
    chosen: list[int] = found.tolist()
    return chosen


def limits_in_words(manner: ChannelDisplay, ends: tuple[float, float] | None) -> str | None:
    """What the ends of a layer's scale are: ``"black is 0, white is 3.2"``."""
    if ends is None:
        return None
    pairs = zip(manner.ends, ends, strict=True)
    return ", ".join(f"{color} is {value:.3g}" for color, value in pairs).replace("-", "−")


def render_exports(network: ShownNetwork, manner: ChannelDisplay) -> None:
    """A menu with the files of one layer of the network, or of all; the address holds which."""
    with st.popover("Download", icon=":material/download:"):
        views = {view.name: view for view in network.views}
        title = escaped(network.title)
        of_left = f", of the network on the left: {title}" if title else ""
        chosen = render_choice(
            "file",
            "Of which layer",
            {_ALL: "all layers", **{name: name for name in views}},
            key="inside-file",
            hint=f"Whose output is taken away{of_left}.",
            problem=lambda word: f"There is no layer {word} here: {', '.join(views)}.",
            menu=True,
        )
        one = views.get(chosen)
        found = list(views.values()) if one is None else [one]
        name = "feature-maps" if one is None else one.name
        st.download_button(
            "Values",
            lambda: numbers_file(found),
            file_name=safe_file_name(name, ".npz"),
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            help="What it puts out for this image, as NumPy arrays in one .npz file.",
        )
        if one is None and network.has_maps:
            st.download_button(
                "Pictures",
                lambda: pictures_file(found, manner),
                file_name=safe_file_name(name, ".zip"),
                mime="application/zip",
                icon=":material/download:",
                on_click="ignore",
                help="One PNG a layer with all its channels, scaled and coloured as here, in one "
                ".zip file.",
            )
        elif one is not None and one.maps is not None:
            st.download_button(
                "Picture",
                lambda: picture_file(one, manner),
                file_name=safe_file_name(name, ".png"),
                mime="image/png",
                icon=":material/download:",
                on_click="ignore",
                help="A PNG with all its channels, scaled and coloured as here.",
            )
        else:
            st.caption("There are no maps in it, so there is no picture of it.")


def numbers_file(views: Sequence[LayerView]) -> bytes:
    """An ``.npz`` with each layer's values, float32, by its name."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{view.name: view.values for view in views})
    return file.getvalue()


def picture_file(view: LayerView, manner: ChannelDisplay) -> bytes:
    """A PNG of all channels of a layer with maps, by number, scaled and coloured as shown."""
    file = io.BytesIO()
    Image.fromarray(channel_grid(drawn(view, manner, limits(manner, view)).rgb)).save(file, "PNG")
    return file.getvalue()


def pictures_file(views: Sequence[LayerView], manner: ChannelDisplay) -> bytes:
    """A ``.zip`` with a PNG for each layer with maps, named as ``feature-maps`` names them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, view in enumerate(views, 1):
            if view.maps is not None:
                archive.writestr(
                    safe_file_name(f"{number:02d}-{view.name}", ".png"), picture_file(view, manner)
                )
    return file.getvalue()
