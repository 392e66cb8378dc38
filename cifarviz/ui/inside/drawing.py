"""A layer's channels in the order, on the scale and in the colours that were chosen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView, channel_order, on_one_scale, value_range
from cifarviz.analysis.layer_comparison import most_changed_first
from cifarviz.figures.color_maps import in_colors, is_diverging
from cifarviz.ui.inside.manner import Manner


@dataclass(frozen=True, eq=False)
class Drawn:
    """``images`` uint8 (channels, h, w, 1), by number, are grey or places in the ``palette``."""

    images: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The same as what is seen, uint8 (channels, h, w, 1 if grey, else 3)."""
        return self.images if self.palette is None else self.palette[self.images[..., 0]]


def limits(manner: Manner, *views: LayerView | None) -> tuple[float, float] | None:
    """The values at the ends of the scale that these layers share; ``None``: each its own."""
    layers = [view.values for view in views if view is not None and view.maps is not None]
    # One value a channel has no scale of its own.
    if manner.scale == "own" and any(values.shape[:2] != (1, 1) for values in layers):
        return None
    return value_range(*layers, around_zero=is_diverging(manner.colors))


def drawn(view: LayerView, manner: Manner, ends: tuple[float, float] | None) -> Drawn:
    """The channels of a layer with maps; ``ends`` are its ``limits``."""
    assert view.maps is not None
    maps = view.maps if ends is None else on_one_scale(view.maps, view.values, ends)
    return Drawn(*in_colors(maps.images, maps.dead, manner.colors))


def ordered(view: LayerView, manner: Manner, before: LayerView | None) -> list[int]:
    """The channels in order; ``before`` is the layer at another epoch, if one is compared."""
    if manner.order == "change":
        found = np.arange(view.values.shape[-1])
        if before is not None:
            found = most_changed_first(view.values, before.values)
    else:
        found = channel_order(view.values, manner.order)
    chosen: list[int] = found.tolist()
    return chosen


def limits_in_words(manner: Manner, ends: tuple[float, float] | None) -> str | None:
    """What the ends of a layer's scale are: ``"black is 0, white is 3.2"``."""
    if ends is None:
        return None
    pairs = zip(manner.ends, ends, strict=True)
    return ", ".join(f"{color} is {value:.3g}" for color, value in pairs).replace("-", "−")
