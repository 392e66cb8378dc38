"""Muted channels: which they are, as a text and as a mask, and what a class loses by them."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.experiment.architecture import Architecture

Muted = Mapping[str, frozenset[int]]
"""The muted channels, from 0, of each layer that has some."""


def channel_counts(architecture: Architecture) -> dict[str, int]:
    """The number of channels of each layer with maps, in the order of calculation."""
    shapes = ((row.name, row.output_shape) for row in architecture.trace().all_rows)
    return {name: shape[2] for name, shape in shapes if shape is not None and len(shape) == 3}


def parse_muted(
    text: str, counts: Mapping[str, int]
) -> tuple[dict[str, frozenset[int]], list[str]]:
    """Return the channels in a text such as ``conv2d_1:3,7;conv2d_2:0-5``, and its unknown parts.

    ``counts`` are ``channel_counts``, in whose order the layers are returned. Of an unknown part
    nothing is muted.
    """
    muted: dict[str, frozenset[int]] = {}
    unknown = []
    for part in filter(None, text.split(";")):
        layer, _, ranges = part.partition(":")
        numbers = _parse_ranges(ranges, counts.get(layer, 0))
        if numbers:
            muted[layer] = muted.get(layer, frozenset()) | numbers
        else:
            unknown.append(part)
    return {layer: muted[layer] for layer in counts if layer in muted}, unknown


def _parse_ranges(text: str, count: int) -> frozenset[int]:
    """The numbers of ``3,7-9``; none unless all are below ``count``."""
    numbers: set[int] = set()
    for part in text.split(","):
        matched = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part)
        if matched is None:
            return frozenset()
        first, last = int(matched[1]), int(matched[2] or matched[1])
        if not first <= last < count:
            return frozenset()
        numbers |= set(range(first, last + 1))
    return frozenset(numbers)


def format_muted(muted: Muted) -> str:
    """The text of ``parse_muted``, in the order of ``muted``; empty if nothing is muted."""
    parts = ((layer, _format_ranges(sorted(numbers))) for layer, numbers in muted.items())
    return ";".join(f"{layer}:{ranges}" for layer, ranges in parts if ranges)


def _format_ranges(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def with_layer(muted: Muted, layer: str, numbers: Collection[int]) -> dict[str, frozenset[int]]:
    """Return ``muted`` with these muted channels of ``layer``."""
    changed = {**muted, layer: frozenset(numbers)}
    return {name: channels for name, channels in changed.items() if channels}


def channel_mask(counts: Mapping[str, int], muted: Muted) -> NDArray[np.float32]:
    """1 for each channel of ``counts`` and 0 for muted ones, layer by layer, float32."""
    parts = []
    for layer, count in counts.items():
        part = np.ones(count, np.float32)
        part[sorted(muted.get(layer, ()))] = 0
        parts.append(part)
    return np.concatenate([np.ones(0, np.float32), *parts])


@dataclass(frozen=True, eq=False)
class Ablation:
    """What muting each channel of a layer, alone, costs each class.

    ``lost`` float64 (channels, classes): accuracy lost, negative where a class gains; NaN for a
    class without images. ``lost_in_all`` (channels,) is of all images; ``images`` (classes,) their
    number.
    """

    layer: str
    lost: NDArray[np.float64]
    lost_in_all: NDArray[np.float64]
    images: NDArray[np.int64]

    def ranked(self, class_index: int | None) -> NDArray[np.int64]:
        """The channels by the accuracy lost of a class, or of all; ties by number."""
        lost = self.lost_in_all if class_index is None else self.lost[:, class_index]
        return np.argsort(-np.nan_to_num(lost), kind="stable")


def ablate(
    layer: str,
    counts: Mapping[str, int],
    labels: NDArray[np.integer],
    classes: int,
    predict: Callable[[NDArray[np.float32]], NDArray[np.integer]],
) -> Ablation:
    """Mute each channel of ``layer`` in turn; ``predict`` takes a mask and returns classes (n,)."""
    whole = predict(channel_mask(counts, {})) == labels
    hits = np.stack(
        [
            predict(channel_mask(counts, {layer: frozenset([channel])})) == labels
            for channel in range(counts[layer])
        ]
    )
    members = labels[:, None] == np.arange(classes)
    images = members.sum(axis=0)
    change = whole.astype(np.float64) - hits
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = change @ members / images
    return Ablation(layer, lost, change.mean(axis=1), images)


def spread_over_classes(labels: NDArray[np.integer], most: int) -> NDArray[np.int64]:
    """Positions of at most ``most`` images, as many of each class as possible, ascending."""
    order = np.argsort(labels, kind="stable")
    sorted_labels = labels[order]
    starts = np.searchsorted(sorted_labels, sorted_labels, side="left")
    rank = np.arange(len(labels)) - starts
    return np.sort(order[np.argsort(rank, kind="stable")][:most])
