"""Maps of one channel as small pictures on one scale, in the colours of the large one."""

import numpy as np
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb, sequential

_COLORS = np.array([hex_to_rgb(color) for color in sequential.Viridis], np.float32)


def common_scale(maps: NDArray[np.float32]) -> tuple[float, float]:
    """The smallest and the largest of all values; 0 and 0 where none is a number."""
    known = maps[np.isfinite(maps)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def map_pictures(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour maps, float32 (n, h, w), from dark purple to yellow by ``common_scale``.

    Returns uint8 (n, h, w, 3). +∞ is yellow; −∞, NaN and one value everywhere are dark.
    """
    low, high = common_scale(maps)
    # In float64: the span of a diverging network's values may overflow.
    share = (np.where(np.isfinite(maps), maps, low).astype(np.float64) - low) / ((high - low) or 1)
    share = np.where(np.isfinite(maps), share, np.where(maps > 0, 1.0, 0.0))
    places = np.linspace(0, 1, len(_COLORS))
    channels = [np.interp(share, places, channel) for channel in _COLORS.T]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
