"""How the channels of all layers are drawn: their order, their scale and their colours."""

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from cifarviz.figures.color_maps import ColorMap, css_gradient, is_diverging
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
class Manner:
    """``order``: ``"change"`` is only where two epochs of one run are compared."""

    order: Order
    scale: Scale
    colors: ColorMap

    @property
    def ends(self) -> tuple[str, str]:
        """What the colours of the smallest and of the largest value are called."""
        return _ENDS[self.colors]


USUAL = Manner("index", "own", "grey")
"""How channels are drawn where nothing else is chosen."""


def choose_manner(*, of_two_epochs: bool) -> Manner:
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
    return Manner(order, scale, colors)


def legend(manner: Manner) -> None:
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
