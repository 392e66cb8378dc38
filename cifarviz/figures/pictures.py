"""Pictures of arrays: maps, filters, sheets of images and overlays."""

import io
import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import hex_to_rgb, sequential

from cifarviz.figures.sprite import Sprite, sprite

_COLORS = np.array([hex_to_rgb(color) for color in sequential.Viridis], np.float32)
Box = tuple[int, int, int, int]
"""Top, left, bottom and right pixel, from 0, all inclusive."""
_SIDE = 128

# Light with a dark rim, visible on any image.
_LINE, _RIM = (255, 214, 0), (0, 0, 0)
_WIDTH = 2
_OVERLAY_SIDE = 256

# The image stays recognisable where the heat is 0.
_IMAGE_SHARE = 0.45
_SMALLEST_TILE = 64
_POSITIVE, _NEGATIVE = (np.array(hex_to_rgb(color), np.float32) for color in ("#1FA83E", "#9C3FBF"))
# Below 1, so that weak values are seen, too.
_FADE = 0.7
_MOST_OPAQUE = 0.85
_GROUND = 48
_GAP_SHARE = 12
_GAP = 4
_BACKGROUND = 255


def common_scale(maps: NDArray[np.float32]) -> tuple[float, float]:
    """The smallest and the largest finite value; 0 and 0 if there is none."""
    known = maps[np.isfinite(maps)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def map_pictures(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour maps, float32 (n, h, w), with viridis on their common scale.

    Returns uint8 (n, h, w, 3). +∞ is yellow; −∞, NaN and a constant value are dark purple.
    """
    low, high = common_scale(maps)
    # In float64: the span of a diverging network's values may overflow.
    share = (np.where(np.isfinite(maps), maps, low).astype(np.float64) - low) / ((high - low) or 1)
    share = np.where(np.isfinite(maps), share, np.where(maps > 0, 1.0, 0.0))
    places = np.linspace(0, 1, len(_COLORS))
    channels = [np.interp(share, places, channel) for channel in _COLORS.T]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def filter_pictures(kernel: NDArray[np.float32], *, one_scale: bool) -> NDArray[np.uint8]:
    """Pictures of a ``kernel`` (h, w, c, filters): uint8 (filters, h, w, c).

    Mid-grey is 0. A filter's weight with the largest magnitude is white or black; with
    ``one_scale`` that of all filters.
    """
    filters = np.moveaxis(np.asarray(kernel, np.float64), -1, 0)
    size = np.abs(filters)
    limit = size.max(initial=0) if one_scale else size.max(axis=(1, 2, 3), keepdims=True, initial=0)
    share = filters / np.where(limit == 0, 1, limit)
    return ((share + 1) * 127.5).round().astype(np.uint8)


def mean_image_sprite(means: np.ndarray) -> Sprite:
    """Tiles of ``means``, float (classes, h, w, c) in 0..255; NaN is black."""
    values = np.nan_to_num(np.asarray(means, np.float64), nan=0.0)
    return sprite(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def marked_images(images: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """Enlarge uint8 images (n, h, w, 1 or 3) and draw a box on each: uint8 (n, H, W, 3).

    They are enlarged by a whole number, without smoothing, to about 128 pixels. Lines are just
    outside the box, at the image's edge inside it. Raises ``ValueError`` unless there is a box
    for each image, inside the image.
    """
    if len(boxes) != len(images):
        raise ValueError(f"{len(boxes)} boxes for {len(images)} images.")
    _, height, width, _ = images.shape
    scale = max(1, _SIDE // width)
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    marked = np.broadcast_to(large, (*large.shape[:3], 3)).copy()
    for picture, (top, left, bottom, right) in zip(marked, boxes, strict=True):
        if not (0 <= top <= bottom < height and 0 <= left <= right < width):
            raise ValueError(
                f"The box from ({top}, {left}) to ({bottom}, {right}) is not in an image of "
                f"{height}×{width} pixels."
            )
        around = (top * scale, left * scale, (bottom + 1) * scale, (right + 1) * scale)
        _frame(picture, around, 2 * _WIDTH, _RIM)
        _frame(picture, around, _WIDTH, _LINE)
    return marked


def _frame(
    picture: NDArray[np.uint8],
    around: tuple[int, int, int, int],
    width: int,
    color: tuple[int, int, int],
) -> None:
    top, left, bottom, right = around
    height_all, width_all, _ = picture.shape
    # At the image's edge the line moves into the box.
    top, left = max(top, width), max(left, width)
    bottom, right = min(bottom, height_all - width), min(right, width_all - width)
    outer = slice(top - width, bottom + width), slice(left - width, right + width)
    inside = picture[top:bottom, left:right].copy()
    picture[outer] = color
    picture[top:bottom, left:right] = inside


def heat_overlay(
    image: NDArray[np.uint8], heat: NDArray[np.float32], most: float, *, side: int = _OVERLAY_SIDE
) -> NDArray[np.uint8]:
    """Overlay ``heat`` on ``image``, uint8 (h, w, 1 or 3): uint8 (H, W, 3).

    The image becomes grey and is enlarged by a whole number, without smoothing, to about ``side``
    pixels. The heat, float32 (rows, columns) from 0, of any size, is interpolated over it, from
    black at 0 to the brightest colour at ``most``.
    """
    factor = max(1, side // image.shape[1])
    grey = np.asarray(image, np.float32).mean(axis=2).repeat(factor, axis=0).repeat(factor, axis=1)
    share = np.clip(heat / most, 0, 1) if most > 0 else np.zeros_like(heat)
    size = (grey.shape[1], grey.shape[0])
    smooth = Image.fromarray(share.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    colors = _colors(np.asarray(smooth))
    return (_IMAGE_SHARE * grey[..., np.newaxis] + (1 - _IMAGE_SHARE) * colors).astype(np.uint8)


def signed_overlay(
    image: NDArray[np.uint8],
    values: NDArray[np.float32],
    most: float,
    *,
    smooth: bool,
    side: int = _OVERLAY_SIDE,
) -> NDArray[np.uint8]:
    """Overlay signed ``values`` on ``image`` in grey, as ``heat_overlay``: uint8 (H, W, 3).

    Green is positive and purple negative, most opaque at ``most`` and beyond; at 0 only the image
    is seen. The values, float32 (rows, columns) of any size, are interpolated if ``smooth``.
    """
    factor = max(1, side // image.shape[1])
    grey = np.asarray(image, np.float32).mean(axis=2).repeat(factor, axis=0).repeat(factor, axis=1)
    share = np.clip(values / most, -1, 1) if most > 0 else np.zeros_like(values)
    size = (grey.shape[1], grey.shape[0])
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    large = np.asarray(Image.fromarray(share.astype(np.float32)).resize(size, method))
    opacity = _MOST_OPAQUE * np.abs(large[..., np.newaxis]) ** _FADE
    colors = np.where((large > 0)[..., np.newaxis], _POSITIVE, _NEGATIVE)
    # Paler than the image it explains, which keeps both colours apart from black and white.
    ground = _GROUND + (255 - 2 * _GROUND) / 255 * grey[..., np.newaxis]
    return ((1 - opacity) * ground + opacity * colors).astype(np.uint8)


def _colors(share: NDArray[np.float32]) -> NDArray[np.float32]:
    return _heat_palette()[np.rint(255 * share).astype(np.uint8)]


@cache
def _heat_palette() -> NDArray[np.float32]:
    """Colours from black to the brightest, float32 (256, 3)."""
    table = np.array([hex_to_rgb(color) for color in sequential.Inferno], np.float32)
    places = np.linspace(0, 1, len(table))
    shades = np.linspace(0, 1, 256)
    palette = [np.interp(shades, places, channel) for channel in table.T]
    return np.stack(palette, axis=-1).astype(np.float32)


def picture_sheet(images: Sequence[np.ndarray | None] | np.ndarray, columns: int) -> bytes:
    """A PNG of uint8 ``images`` (n, h, w, 1 or 3) in rows of ``columns``; ``None`` is empty.

    Each is enlarged by a whole number, without smoothing, to at least 64 pixels a side. Raises
    ``ValueError`` without images or columns.
    """
    known = [image for image in images if image is not None]
    if not known or columns < 1:
        raise ValueError(f"{len(known)} images in {columns} columns make no picture.")
    count = len(images)
    height, width, channels = known[0].shape
    scale = max(1, math.ceil(_SMALLEST_TILE / min(height, width)))
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    tall, wide = height * scale, width * scale
    gap = max(2, wide // _GAP_SHARE)
    sheet = np.zeros(
        (rows * (tall + gap) - gap, columns * (wide + gap) - gap, channels + 1), np.uint8
    )
    for place, image in enumerate(images):
        if image is None:
            continue
        tile = image.repeat(scale, axis=0).repeat(scale, axis=1)
        top, left = place // columns * (tall + gap), place % columns * (wide + gap)
        sheet[top : top + tall, left : left + wide, :channels] = tile
        sheet[top : top + tall, left : left + wide, channels] = 255
    file = io.BytesIO()
    Image.fromarray(sheet, "LA" if channels == 1 else "RGBA").save(file, "PNG", compress_level=1)
    return file.getvalue()


def channel_grid(images: np.ndarray) -> np.ndarray:
    """Lay out uint8 maps (channels, h, w, 1 or 3) on white: uint8 (H, W) or (H, W, 3).

    Each is enlarged by a whole number, without smoothing, to at least 64 pixels a side.
    """
    count, height, width, depth = images.shape
    scale = max(1, math.ceil(_SMALLEST_TILE / min(height, width)))
    tiles = images.repeat(scale, axis=1).repeat(scale, axis=2)
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    step_y, step_x = tiles.shape[1] + _GAP, tiles.shape[2] + _GAP
    size = (rows * step_y + _GAP, columns * step_x + _GAP, depth)
    grid = np.full(size, _BACKGROUND, np.uint8)
    for position, tile in enumerate(tiles):
        top = _GAP + position // columns * step_y
        left = _GAP + position % columns * step_x
        grid[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return grid[..., 0] if depth == 1 else grid
