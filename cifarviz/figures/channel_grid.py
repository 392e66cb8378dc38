"""All channels of a layer as one picture, each tile large enough to see."""

import math

import numpy as np

_SMALLEST_TILE = 64
_GAP = 4
_BACKGROUND = 255


def channel_grid(images: np.ndarray) -> np.ndarray:
    """Lay uint8 maps (channels, h, w, 1 or 3) out on white, enlarged without smoothing.

    Gives uint8 (H, W), or (H, W, 3) of coloured maps. Each is enlarged by a whole number to at
    least 64 pixels a side.
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
