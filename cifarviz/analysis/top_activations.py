"""Which of many images excite a channel most, where in them, and which channels none excites."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MOST_IMAGES = 9
"""So many images are kept of each channel."""


class LayerPeaks(Protocol):
    """Where each channel of one layer is highest in each image of a batch (``network.Peaks``)."""

    @property
    def name(self) -> str: ...
    @property
    def values(self) -> NDArray[np.float32]: ...
    @property
    def places(self) -> NDArray[np.int32]: ...
    @property
    def silent(self) -> NDArray[np.bool_]: ...


@dataclass(frozen=True)
class TopImage:
    """One image that excites a channel: its position among those that were looked at, the
    channel's highest value, and where on the map that is: row · width + column."""

    position: int
    value: float
    place: int


@dataclass(frozen=True, eq=False)
class TopActivations:
    """What the channels of one layer make of all images; the best first, equals in their order.

    ``positions`` int32, ``values`` float32 and ``places`` int32, each (channels, ``MOST``), with
    −1 as position where a channel says something about fewer images. ``silent_for`` int64
    (channels,): the number of images for which a channel is dead, of ``images`` in all.
    """

    name: str
    images: int
    positions: NDArray[np.int32]
    values: NDArray[np.float32]
    places: NDArray[np.int32]
    silent_for: NDArray[np.int64]

    @property
    def dead(self) -> tuple[int, ...]:
        """The channels, counted from 0, that are dead for every one of the images."""
        return tuple(np.flatnonzero(self.silent_for == self.images).tolist())

    def of(self, channel: int) -> tuple[TopImage, ...]:
        """The images that excite a channel most, at most ``MOST``, without those it is dead for."""
        found = zip(
            self.positions[channel].tolist(),
            self.values[channel].tolist(),
            self.places[channel].tolist(),
            strict=True,
        )
        return tuple(TopImage(*one) for one in found if one[0] >= 0)


class TopActivationsCollector:
    """Gathers the best of each channel, batch by batch; takes no more room for more images."""

    def __init__(self) -> None:
        self._layers: dict[str, TopActivations] = {}
        self._images = 0

    def add(self, batch: Sequence[LayerPeaks]) -> None:
        """Take in the next images: the peaks of each layer in them, the same layers each time."""
        start = self._images
        for peaks in batch:
            self._images = start + len(peaks.values)
            before = self._layers.get(peaks.name) or _nothing(peaks.name, peaks.values.shape[1])
            self._layers[peaks.name] = _with(before, peaks, start)

    def layers(self) -> dict[str, TopActivations]:
        """What was found so far, by the names of the layers."""
        return dict(self._layers)


def _nothing(name: str, channels: int) -> TopActivations:
    shape = channels, MOST_IMAGES
    return TopActivations(
        name,
        0,
        np.full(shape, -1, np.int32),
        np.full(shape, -np.inf, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(channels, np.int64),
    )


def _with(before: TopActivations, peaks: LayerPeaks, start: int) -> TopActivations:
    count = len(peaks.values)
    # What is not a number excites nothing, and neither does what is the same everywhere.
    usable = ~peaks.silent & np.isfinite(peaks.values)
    order = np.arange(start, start + count, dtype=np.int32)[:, np.newaxis]
    positions = np.hstack([before.positions, np.where(usable, order, np.int32(-1)).T])
    values = np.hstack([before.values, np.where(usable, peaks.values, np.float32(-np.inf)).T])
    places = np.hstack([before.places, peaks.places.T])
    best = np.argsort(-values, axis=1, kind="stable")[:, :MOST_IMAGES]
    return TopActivations(
        before.name,
        before.images + count,
        np.take_along_axis(positions, best, axis=1),
        np.take_along_axis(values, best, axis=1),
        np.take_along_axis(places, best, axis=1),
        before.silent_for + peaks.silent.sum(axis=0),
    )
