"""Filters that see an image itself, as small images."""

import numpy as np
from numpy.typing import NDArray


def filter_pictures(kernel: NDArray[np.float32], *, one_scale: bool) -> NDArray[np.uint8]:
    """Pictures of a ``kernel`` (h, w, c, filters): uint8 (filters, h, w, c).

    Mid-grey is 0. A filter's weight furthest from 0 is at full or no light; on ``one_scale`` that
    of all filters is.
    """
    filters = np.moveaxis(np.asarray(kernel, np.float64), -1, 0)
    size = np.abs(filters)
    limit = size.max(initial=0) if one_scale else size.max(axis=(1, 2, 3), keepdims=True, initial=0)
    share = filters / np.where(limit == 0, 1, limit)
    return ((share + 1) * 127.5).round().astype(np.uint8)
