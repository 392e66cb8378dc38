"""What differs between two networks' outputs for one image, in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.layer_comparison import (
    LayerPair,
    channel_correlations,
    most_changed_first,
    place_correlation,
)
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.inside.network import ShownNetwork

_MOST = 3

OF_TWO_EPOCHS = (
    "A channel stands in the same place on both sides. Its correlation is 1 where its two maps "
    "show the same, 0 where they have nothing in common, and −1 where one is the other’s negative."
)
OF_TWO_RUNS = (
    "Each network numbers its channels in its own way: channel 5 of the one has nothing to do "
    "with channel 5 of the other. What can be compared is where a layer is active on the whole: "
    "1 is in the same places, 0 has nothing in common."
)


def difference(pair: LayerPair, *, same_run: bool) -> str | None:
    """A sentence on how alike the two are in numbers, or ``None`` where nothing can be said."""
    left, right = pair.left, pair.right
    if left is None or right is None:
        return None
    if not same_run:
        found = place_correlation(left.values, right.values)
        return None if found is None else f"Where it is active: correlation {number(found)}"
    correlations = channel_correlations(left.values, right.values)
    if correlations is None:
        return None
    known = correlations[np.isfinite(correlations)]
    if left.maps is None:
        return f"Correlation of its values {number(known[0])}" if known.size else None
    words = [f"Median correlation of its channels {number(np.median(known))}"] if known.size else []
    first = most_changed_first(left.values, right.values).tolist()
    changed = [one for one in first if np.isfinite(correlations[one])][:_MOST]
    if len(known) > _MOST:
        least = ", ".join(f"{one} ({number(correlations[one])})" for one in changed)
        words.append(f"least alike: {least}")
    one_sided = len(_dead(left) ^ _dead(right))
    if one_sided:
        words.append(f"{one_sided:,} dead on one side only")
    return " · ".join(words) or None


def names_of_channels(pair: LayerPair, channels: Sequence[int]) -> list[str] | None:
    """Each channel's number and correlation; ``None`` where they have none."""
    if pair.left is None or pair.right is None:
        return None
    found = channel_correlations(pair.left.values, pair.right.values)
    if found is None:
        return None
    return [f"Channel {one}, {_correlation(found, one)}" for one in channels]


def no_counterpart(view: LayerView, other: ShownNetwork) -> str:
    """Why there is nothing beside a layer."""
    count = sum(one.type == view.type for one in other.views)
    kind = LAYER_TYPES[view.type].title.lower()
    has = f"{count} of its kind ({kind})" if count else f"none of its kind ({kind})"
    return f"No counterpart: this network has {has}."


def number(value: float) -> str:
    """A correlation with two decimals and a true minus."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _correlation(found: NDArray[np.float64], channel: int) -> str:
    value = float(found[channel])
    return f"correlation {number(value)}" if np.isfinite(value) else "no correlation"


def _dead(view: LayerView) -> set[int]:
    return set() if view.maps is None else set(view.maps.dead)
