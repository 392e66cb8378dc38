"""Colours for maps: 256 of them from the smallest value to the largest."""

from collections.abc import Collection
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb, sequential

ColorMap = Literal["grey", "viridis", "magma", "purple-green"]

# Purple to green: neither is the colour of training, validation or a warning.
PURPLE_GREEN: Final = ("#762A83", "#AF8DC3", "#F7F7F7", "#7FBF7B", "#1B7837")

# Viridis and magma (van der Walt and Smith, 2015) are as many steps lighter as the value is higher.
_STOPS: Final[dict[ColorMap, tuple[str, ...]]] = {
    "grey": ("#000000", "#FFFFFF"),
    "viridis": tuple(sequential.Viridis),
    "magma": tuple(sequential.Magma),
    "purple-green": PURPLE_GREEN,
}
# What is dead has a colour that no value has.
_DEAD = (128, 128, 128)


@cache
def color_table(colors: ColorMap) -> NDArray[np.uint8]:
    """The colours in order, uint8 (256, 3), read-only; those between a map's stops are mixed."""
    stops = np.array([hex_to_rgb(stop) for stop in _STOPS[colors]], float)
    places = np.linspace(0, 1, 256)
    at = np.linspace(0, 1, len(stops))
    table = np.stack([np.interp(places, at, channel) for channel in stops.T], axis=-1)
    table = table.round().astype(np.uint8)
    table.flags.writeable = False
    return table


def is_diverging(colors: ColorMap) -> bool:
    """Whether its middle is a colour of its own, for 0 or a mean."""
    return colors == "purple-green"


def apply_color_map(
    images: NDArray[np.uint8], dead: Collection[int], colors: ColorMap
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The maps ``images``, uint8 (n, h, w, 1), as places in a palette, uint8 (256, 3), with it.

    Those that ``dead`` names, counted from 0, are mid-grey. Grey itself needs no palette.
    """
    if colors == "grey":
        return images, None
    palette = color_table(colors).copy()
    # The first place is for the dead; nobody tells the two darkest colours apart.
    places = np.maximum(images, 1)
    palette[0] = _DEAD
    places[list(dead)] = 0
    return places, palette


def css_gradient(colors: ColorMap) -> str:
    """The colours from left to right, in the words of a style sheet."""
    steps = color_table(colors)[np.linspace(0, 255, 17).round().astype(int)]
    stops = ", ".join("#{:02X}{:02X}{:02X}".format(*step) for step in steps.tolist())
    return f"linear-gradient(to right, {stops})"
