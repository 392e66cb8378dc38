"""What two networks, or one at two of its epochs, make of the same image, layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView


@dataclass(frozen=True, eq=False)
class LayerPair:
    """A layer of each network; ``None`` where one has no counterpart to the other's."""

    left: LayerView | None
    right: LayerView | None


def pairs_of_layers(left: Sequence[LayerView], right: Sequence[LayerView]) -> list[LayerPair]:
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


def most_changed_first(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.int64]:
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


def place_correlation(left: NDArray[np.float32], right: NDArray[np.float32]) -> float | None:
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
