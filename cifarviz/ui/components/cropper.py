"""A picture with a part of it to drag."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.pictures import MIN_CROP, Crop
from cifarviz.figures.sprite import sprite
from cifarviz.ui import state
from cifarviz.ui.components.loading import component


def cropper(
    pixels: NDArray[np.uint8],
    crop: Crop,
    *,
    key: str,
    name: str,
    proportions: tuple[int, int],
    on_crop: Callable[[Crop], None],
) -> None:
    """Show an image, uint8 (h, w, 3), in its size, with ``crop`` on it, which can be moved.

    ``proportions`` are the width and height of the part. ``on_crop`` gets a new part before the
    next run of the script. ``name`` is what screen readers call the image.
    """
    png = sprite(pixels[np.newaxis]).png
    height, width = pixels.shape[:2]
    head = {
        "crop": [crop.x, crop.y, crop.share],
        "height": height,
        "least": MIN_CROP,
        "name": name,
        "picture": hashlib.blake2b(png, digest_size=12).hexdigest(),
        "proportions": proportions,
        "width": width,
    }

    def receive() -> None:
        chosen = parse_crop(state.get(key).get("crop"))
        if chosen is not None:
            on_crop(chosen)

    component("cropper")(
        key=key, data=b"\n".join([json.dumps(head).encode(), png]), on_crop_change=receive
    )


def parse_crop(value: Any) -> Crop | None:
    """Return the part that a browser has sent, or ``None`` if it is something else."""
    if not isinstance(value, list) or len(value) != 3:
        return None
    if not all(type(number) in (int, float) for number in value):
        return None
    x, y, share = map(float, value)
    if not (0 <= x <= 1 and 0 <= y <= 1 and MIN_CROP / 2 <= share <= 1):
        return None
    return Crop(x, y, share)
