"""A heat map over a small image: where in it something lies."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import hex_to_rgb, sequential

_SIDE = 256
# Even where nothing speaks for the class, the image is to be recognised.
_IMAGE_SHARE = 0.45


def heat_overlay(
    image: NDArray[np.uint8], heat: NDArray[np.float32], most: float, *, side: int = _SIDE
) -> NDArray[np.uint8]:
    """Lay ``heat`` over ``image``, uint8 (h, w, 1 or 3): uint8 (H, W, 3).

    It is about ``side`` pixels wide, a whole multiple of the image.

    The image in grey, enlarged without smoothing; the heat, float32 (rows, columns) from 0, of
    any size, smoothed over it. ``most`` is the heat that is brightest; 0 of it is black to purple.
    """
    factor = max(1, side // image.shape[1])
    grey = np.asarray(image, np.float32).mean(axis=2).repeat(factor, axis=0).repeat(factor, axis=1)
    share = np.clip(heat / most, 0, 1) if most > 0 else np.zeros_like(heat)
    size = (grey.shape[1], grey.shape[0])
    smooth = Image.fromarray(share.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    colors = _colors(np.asarray(smooth))
    return (_IMAGE_SHARE * grey[..., np.newaxis] + (1 - _IMAGE_SHARE) * colors).astype(np.uint8)


def _colors(share: NDArray[np.float32]) -> NDArray[np.float32]:
    table = np.array([hex_to_rgb(color) for color in sequential.Inferno], np.float32)
    places = np.linspace(0, 1, len(table))
    return np.stack([np.interp(share, places, channel) for channel in table.T], axis=-1)
