"""Colour maps of 256 colours, from the smallest value to the largest."""

from collections.abc import Collection
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb, sequential

ColorMap = Literal["grey", "viridis", "magma", "purple-green"]

# Purple to green: neither is the colour of training, validation or a warning.
PURPLE_GREEN: Final = ("#762A83", "#AF8DC3", "#F7F7F7", "#7FBF7B", "#1B7837")

# In viridis and magma (van der Walt and Smith, 2015) lightness is proportional to the value.
_STOPS: Final[dict[ColorMap, tuple[str, ...]]] = {
    "grey": ("#000000", "#FFFFFF"),
    "viridis": tuple(sequential.Viridis),
    "magma": tuple(sequential.Magma),
    "purple-green": PURPLE_GREEN,
}
# Dead channels have a colour that no value has.
_DEAD = (128, 128, 128)


@cache
def color_table(colors: ColorMap) -> NDArray[np.uint8]:
    """The colours of a map, interpolated between its stops: uint8 (256, 3), read-only."""
    stops = np.array([hex_to_rgb(stop) for stop in _STOPS[colors]], float)
    places = np.linspace(0, 1, 256)
    at = np.linspace(0, 1, len(stops))
    table = np.stack([np.interp(places, at, channel) for channel in stops.T], axis=-1)
    table = table.round().astype(np.uint8)
    table.flags.writeable = False
    return table


def is_diverging(colors: ColorMap) -> bool:
    """Whether the map is diverging, with its own colour in the middle."""
    return colors == "purple-green"


def apply_color_map(
    images: NDArray[np.uint8], dead: Collection[int], colors: ColorMap
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Maps as palette indices, uint8 (n, h, w, 1), and the palette, uint8 (256, 3).

    ``images`` are uint8 (n, h, w, 1); those numbered in ``dead``, from 0, become mid-grey. The
    grey map needs no palette.
    """
    if colors == "grey":
        return images, None
    palette = color_table(colors).copy()
    # The first colour is for dead channels; the two darkest colours look alike.
    places = np.maximum(images, 1)
    palette[0] = _DEAD
    places[list(dead)] = 0
    return places, palette


def css_gradient(colors: ColorMap) -> str:
    """The colours from left to right as a CSS gradient."""
    steps = color_table(colors)[np.linspace(0, 255, 17).round().astype(int)]
    stops = ", ".join("#{:02X}{:02X}{:02X}".format(*step) for step in steps.tolist())
    return f"linear-gradient(to right, {stops})"
