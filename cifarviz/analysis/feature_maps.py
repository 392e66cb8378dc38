"""Feature maps of each layer, and those of two networks compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.runs.kept_maps import Output

# As in the published experiment: one standard deviation is 64 grey levels around mid-grey.
_GREYS_A_DEVIATION = 64
_MID_GREY = 128


@dataclass(frozen=True, eq=False)
class ScaledMaps:
    """A layer's channels as pictures.

    ``images`` uint8 (channels, height, width, 1). ``dead`` names, counted from 0, the channels
    that say nothing about this image: the same value everywhere (after ReLU, zero); on a 1×1
    map, where there is only one value, zero. They are mid-grey. ``not_finite`` names the
    channels with a NaN or an infinity somewhere, which none of the dead is.
    """

    images: NDArray[np.uint8]
    dead: tuple[int, ...]
    not_finite: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LayerView:
    """One layer as the page shows it.

    ``values`` float32, (height, width, channels) or (units,), as the network computed them;
    ``maps`` only of a layer that has maps.
    """

    name: str
    type: str
    values: NDArray[np.float32]
    maps: ScaledMaps | None

    @property
    def kind(self) -> Literal["maps", "vector"]:
        """Whether it is shown as pictures or as bars."""
        return "vector" if self.maps is None else "maps"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(height, width, channels) or (units,)."""
        return self.values.shape


ChannelOrder = Literal["index", "strength", "variance"]


@dataclass(frozen=True, eq=False)
class LayerPair:
    """A layer of each network; ``None`` where one has no counterpart to the other's."""

    left: LayerView | None
    right: LayerView | None


def layer_views(outputs: Iterable[Output]) -> tuple[LayerView, ...]:
    """Every layer ready to be shown, in the order given."""
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
    """The channels of (height, width, channels) in an order, equals by their number.

    ``"strength"``: the largest mean magnitude first; ``"variance"``: the one that differs most
    from place to place first. What is not a number comes last.
    """
    if by == "index":
        return np.arange(values.shape[-1])
    # In float64: a diverging network's float32 values overflow when squared.
    channels = values.reshape(-1, values.shape[-1]).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.abs(channels).mean(axis=0) if by == "strength" else channels.var(axis=0)
    return np.argsort(-np.where(np.isfinite(found), found, -1.0), kind="stable")


def value_range(
    *layers: NDArray[np.float32], around_zero: bool = False
) -> tuple[float, float] | None:
    """The smallest and the largest value of ``layers`` that is a number; ``None`` if none is.

    ``around_zero``: as far below 0 as above it, so that all are between them.
    """
    known = [values[np.isfinite(values)] for values in layers]
    known = [values for values in known if values.size]
    if not known:
        return None
    low = min(float(values.min()) for values in known)
    high = max(float(values.max()) for values in known)
    if around_zero:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    return low, high


def scale_to_range(
    maps: ScaledMaps, values: NDArray[np.float32], limits: tuple[float, float] | None = None
) -> ScaledMaps:
    """The same channels with all of ``values``, (height, width, channels), on one scale of grey.

    Black is the first of ``limits`` and white the second, if they are not said the smallest value
    of the layer and its largest; +∞ is white, −∞ and NaN are black. Where the limits are as far
    below 0 as above it, 0 is mid-grey.
    """
    finite = np.isfinite(values)
    low, high = limits or value_range(values) or (0.0, 0.0)
    share = (np.where(finite, values, low).astype(np.float64) - low) / ((high - low) or 1.0)
    share = np.where(finite, share, np.where(values > 0, 1.0, 0.0))
    # 0 would be between two greys: it is the lighter one.
    greys = share * 255 + 0.5 if low == -high != 0 else share * 255
    pixels = np.moveaxis(np.clip(greys, 0, 255).astype(np.uint8), -1, 0)
    return replace(maps, images=pixels[..., np.newaxis])


def scale_channels(values: NDArray[np.float32]) -> ScaledMaps:
    """Make grey pictures of (height, width, channels), each channel scaled by itself.

    A channel is centred, divided by its standard deviation, times 64 plus 128, clipped to 0 to
    255 and cut to whole numbers. Where it is not finite, +∞ is white, −∞ and NaN are black, and
    the rest is scaled as if they were not there.
    """
    height, width, count = values.shape
    # In float64: a diverging network's float32 values overflow when squared.
    channels = np.moveaxis(values, -1, 0).reshape(count, height * width).astype(np.float64)
    finite = np.isfinite(channels)
    # By the extremes, since a rounded mean gives equal values a deviation that isn't quite zero.
    lowest = np.where(finite, channels, np.inf).min(axis=1, keepdims=True)
    highest = np.where(finite, channels, -np.inf).max(axis=1, keepdims=True)
    flat = ~(lowest < highest)

    counted = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    known = np.where(finite, channels, 0.0)
    centered = np.where(finite & ~flat, known - known.sum(axis=1, keepdims=True) / counted, 0.0)
    deviation = np.sqrt((centered**2).sum(axis=1, keepdims=True) / counted)
    scaled = centered / np.where(flat, 1.0, deviation) * _GREYS_A_DEVIATION + _MID_GREY
    scaled = np.where(finite, scaled, np.where(channels > 0, 255.0, 0.0))
    pixels = np.clip(scaled, 0, 255).astype(np.uint8)

    whole = np.all(finite, axis=1)
    dead = flat[:, 0] & whole
    if height * width == 1:
        dead = dead & (channels[:, 0] == 0)
    return ScaledMaps(
        images=pixels.reshape(count, height, width, 1),
        dead=_positions(dead),
        not_finite=_positions(~whole),
    )


def _positions(chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen).tolist())


def pair_layers(left: Sequence[LayerView], right: Sequence[LayerView]) -> list[LayerPair]:
    """Each layer of ``left`` with its counterpart, then those that only ``right`` has.

    Layers are named by their type and counted, so the third convolution of the one goes with the
    third of the other; the last layers, which answer, go together whatever their names.
    """
    others = {view.name: view for view in right[:-1]}
    pairs = [LayerPair(view, others.pop(view.name, None)) for view in left[:-1]]
    pairs += [LayerPair(None, view) for view in others.values()]
    return [*pairs, LayerPair(left[-1], right[-1])]


def channel_correlations(
    left: NDArray[np.floating], right: NDArray[np.floating]
) -> NDArray[np.float64] | None:
    """Pearson's correlation of each channel of (height, width, channels), or of all of (units,).

    Float64 (channels,) or (1,); NaN where one of the two is constant or not a number. ``None`` if
    the shapes differ, or there is one value only.
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
        found = (
            (first * second).sum(axis=0)
            / np.sqrt((first**2).sum(axis=0))
            / np.sqrt((second**2).sum(axis=0))
        )
    # Rounding may take it a little beyond 1.
    return np.where(flat, np.nan, np.clip(found, -1, 1))


def least_correlated_first(
    left: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The channels of (height, width, channels), least correlated first, equals by their number.

    First are those that are constant, so dead, in one of the two only; last those that are so in
    both, or cannot be compared.
    """
    found = channel_correlations(left, right)
    if found is None:
        return np.arange(left.shape[-1])
    flat = [np.ptp(values.reshape(-1, values.shape[-1]), axis=0) == 0 for values in (left, right)]
    key = np.where(np.isnan(found), np.where(flat[0] != flat[1], -2.0, 2.0), found)
    return np.argsort(key, kind="stable")


def spatial_correlation(left: NDArray[np.float32], right: NDArray[np.float32]) -> float | None:
    """How alike two layers are in where they are active, −1 to 1, whatever their channels are.

    The correlation over the places of the mean magnitude of all channels. ``None`` for maps of
    different sizes or of one place, and where one is equally active everywhere.
    """
    if left.ndim != 3 or right.ndim != 3:
        return None
    found = channel_correlations(_activity(left), _activity(right))
    return None if found is None or not np.isfinite(found[0]) else float(found[0])


def _activity(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.abs(values.astype(np.float64)).mean(axis=-1, keepdims=True)
