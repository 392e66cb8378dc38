"""The mean image of each class, as tiles."""

import numpy as np

from cifarviz.figures.sprite import Sprite, sprite


def mean_image_sprite(means: np.ndarray) -> Sprite:
    """Tiles of ``means``, float (classes, h, w, c) in 0..255; a class without images is black."""
    values = np.nan_to_num(np.asarray(means, np.float64), nan=0.0)
    return sprite(np.clip(np.rint(values), 0, 255).astype(np.uint8))
