"""Feature maps of each layer as pictures, and comparison of two networks' maps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.runs.stored_maps import Output

# As in the published experiment: one standard deviation is 64 grey levels around mid-grey.
_GREYS_PER_DEVIATION = 64
_MID_GREY = 128


@dataclass(frozen=True, eq=False)
class ScaledMaps:
    """A layer's channels as pictures.

    ``images`` uint8 (channels, height, width, 1). ``dead`` are the channels, from 0, with the same
    value everywhere (zero after ReLU), or with zero on a 1×1 map; they are mid-grey.
    ``not_finite`` are the channels with a NaN or an infinity, none of them dead.
    """

    images: NDArray[np.uint8]
    dead: tuple[int, ...]
    not_finite: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LayerView:
    """The output of a layer for one image.

    ``values`` float32, (height, width, channels) or (units,), as the network computed them;
    ``maps`` is ``None`` for a layer without maps.
    """

    name: str
    type: str
    values: NDArray[np.float32]
    maps: ScaledMaps | None

    @property
    def kind(self) -> Literal["maps", "vector"]:
        """``maps`` to be drawn as pictures, or ``vector`` to be drawn as bars."""
        return "vector" if self.maps is None else "maps"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(height, width, channels) or (units,)."""
        return self.values.shape


ChannelOrder = Literal["index", "strength", "variance"]


@dataclass(frozen=True, eq=False)
class LayerPair:
    """A layer of each network; ``None`` where one network has no such layer."""

    left: LayerView | None
    right: LayerView | None


def layer_views(outputs: Iterable[Output]) -> tuple[LayerView, ...]:
    """Views of all layers, in the same order."""
    return tuple(
        LayerView(
            output.name,
            output.type,
            output.values,
            scale_channels(output.values) if output.values.ndim == 3 else None,
        )
        for output in outputs
    )


def channel_order(values: NDArray[np.float32], by: ChannelOrder) -> NDArray[np.int64]:
    """The channels of (height, width, channels) sorted, ties by channel number.

    ``"strength"``: largest mean magnitude first; ``"variance"``: largest variance over the map
    first. Channels that are not finite come last.
    """
    if by == "index":
        return np.arange(values.shape[-1])
    # In float64: a diverging network's float32 values overflow when squared.
    channels = values.reshape(-1, values.shape[-1]).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        keys = np.abs(channels).mean(axis=0) if by == "strength" else channels.var(axis=0)
    return np.argsort(-np.where(np.isfinite(keys), keys, -1.0), kind="stable")


def value_range(
    *layers: NDArray[np.float32], around_zero: bool = False
) -> tuple[float, float] | None:
    """The smallest and the largest finite value of ``layers``; ``None`` if there is none.

    ``around_zero``: the smallest range around 0 that holds all values.
    """
    finite = np.concatenate([values[np.isfinite(values)] for values in layers])
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    if around_zero:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    return low, high


def scale_to_range(
    maps: ScaledMaps, values: NDArray[np.float32], limits: tuple[float, float] | None = None
) -> ScaledMaps:
    """Scale all channels of ``values``, (height, width, channels), to the same range of grey.

    Black is the first of ``limits`` and white the second, by default the smallest and the largest
    value of the layer; +∞ is white, −∞ and NaN are black. If the limits are symmetric around 0,
    0 is mid-grey.
    """
    finite = np.isfinite(values)
    low, high = limits or value_range(values) or (0.0, 0.0)
    share = (np.where(finite, values, low).astype(np.float64) - low) / ((high - low) or 1.0)
    share = np.where(finite, share, np.where(values > 0, 1.0, 0.0))
    # 0 lies between two greys: take the lighter one.
    greys = share * 255 + 0.5 if low == -high != 0 else share * 255
    pixels = np.moveaxis(np.clip(greys, 0, 255).astype(np.uint8), -1, 0)
    return replace(maps, images=pixels[..., np.newaxis])


def scale_channels(values: NDArray[np.float32]) -> ScaledMaps:
    """Make grey pictures of (height, width, channels), each channel scaled separately.

    A channel is centred, divided by its standard deviation, times 64 plus 128, clipped to 0 to
    255 and truncated. +∞ is white, −∞ and NaN are black; they do not affect the scale.
    """
    height, width, count = values.shape
    # In float64: a diverging network's float32 values overflow when squared.
    channels = np.moveaxis(values, -1, 0).reshape(count, height * width).astype(np.float64)
    finite = np.isfinite(channels)
    # By the extremes: with a rounded mean the deviation of equal values is not quite zero.
    lowest = np.where(finite, channels, np.inf).min(axis=1, keepdims=True)
    highest = np.where(finite, channels, -np.inf).max(axis=1, keepdims=True)
    flat = ~(lowest < highest)

    counted = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    known = np.where(finite, channels, 0.0)
    centered = np.where(finite & ~flat, known - known.sum(axis=1, keepdims=True) / counted, 0.0)
    deviation = np.sqrt((centered**2).sum(axis=1, keepdims=True) / counted)
    scaled = centered / np.where(flat, 1.0, deviation) * _GREYS_PER_DEVIATION + _MID_GREY
    scaled = np.where(finite, scaled, np.where(channels > 0, 255.0, 0.0))
    pixels = np.clip(scaled, 0, 255).astype(np.uint8)

    all_finite = np.all(finite, axis=1)
    dead = flat[:, 0] & all_finite
    if height * width == 1:
        dead = dead & (channels[:, 0] == 0)
    return ScaledMaps(
        images=pixels.reshape(count, height, width, 1),
        dead=_positions(dead),
        not_finite=_positions(~all_finite),
    )


def _positions(chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen).tolist())


def pair_layers(left: Sequence[LayerView], right: Sequence[LayerView]) -> list[LayerPair]:
    """Pair each layer of ``left`` with its counterpart, then add those that only ``right`` has.

    Layers are paired by name: type and number, so the third convolutions are a pair. The last
    layers, the outputs, are always a pair.
    """
    others = {view.name: view for view in right[:-1]}
    pairs = [LayerPair(view, others.pop(view.name, None)) for view in left[:-1]]
    pairs += [LayerPair(None, view) for view in others.values()]
    return [*pairs, LayerPair(left[-1], right[-1])]


def channel_correlations(
    left: NDArray[np.floating], right: NDArray[np.floating]
) -> NDArray[np.float64] | None:
    """Pearson correlation of each channel of (height, width, channels), or of all (units,).

    float64 (channels,) or (1,); NaN where either channel is constant or not finite. ``None`` if
    the shapes differ or there is only one value.
    """
    if left.shape != right.shape:
        return None
    channels = left.shape[-1] if left.ndim == 3 else 1
    first, second = (values.astype(np.float64).reshape(-1, channels) for values in (left, right))
    if len(first) < 2:
        return None
    flat = (np.ptp(first, axis=0) == 0) | (np.ptp(second, axis=0) == 0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        first, second = first - first.mean(axis=0), second - second.mean(axis=0)
        correlations = (
            (first * second).sum(axis=0)
            / np.sqrt((first**2).sum(axis=0))
            / np.sqrt((second**2).sum(axis=0))
        )
    # Rounding may take a correlation slightly beyond 1.
    return np.where(flat, np.nan, np.clip(correlations, -1, 1))


def least_correlated_first(
    left: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The channels of (height, width, channels), least correlated first, ties by number.

    Channels that are constant, so dead, in only one network come first; those constant in both,
    or not comparable, come last.
    """
    correlations = channel_correlations(left, right)
    if correlations is None:
        return np.arange(left.shape[-1])
    flat = [np.ptp(values.reshape(-1, values.shape[-1]), axis=0) == 0 for values in (left, right)]
    key = np.where(np.isnan(correlations), np.where(flat[0] != flat[1], -2.0, 2.0), correlations)
    return np.argsort(key, kind="stable")


def spatial_correlation(left: NDArray[np.float32], right: NDArray[np.float32]) -> float | None:
    """Correlation of two layers' mean magnitude over all channels at each position, −1 to 1.

    ``None`` for maps of different sizes or of one position, or if either is equally active
    everywhere.
    """
    if left.ndim != 3 or right.ndim != 3:
        return None
    correlation = channel_correlations(_activity(left), _activity(right))
    if correlation is None or not np.isfinite(correlation[0]):
        return None
    return float(correlation[0])


def _activity(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.abs(values.astype(np.float64)).mean(axis=-1, keepdims=True)
