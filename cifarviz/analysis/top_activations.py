"""Top activations: the images that activate each channel most, and dead channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MOST_IMAGES = 9
"""Number of images kept for each channel."""


class LayerPeaks(Protocol):
    """The maximum of each channel of a layer in each image of a batch (``network.Peaks``)."""

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
    """An image that activates a channel.

    ``position`` is the image's position among all images, ``value`` the channel's maximum and
    ``place`` where on the map that is: row · width + column.
    """

    position: int
    value: float
    place: int


@dataclass(frozen=True, eq=False)
class TopActivations:
    """Top images of each channel of a layer, highest activation first, ties in image order.

    ``positions`` int32, ``values`` float32 and ``places`` int32, each (channels, ``MOST_IMAGES``),
    with −1 as position where fewer images activate a channel. ``silent_for`` int64 (channels,):
    the number of images, of ``images``, for which a channel is dead.
    """

    name: str
    images: int
    positions: NDArray[np.int32]
    values: NDArray[np.float32]
    places: NDArray[np.int32]
    silent_for: NDArray[np.int64]

    @property
    def dead(self) -> tuple[int, ...]:
        """The channels, from 0, that are dead for all images."""
        return tuple(np.flatnonzero(self.silent_for == self.images).tolist())

    def top_images(self, channel: int) -> tuple[TopImage, ...]:
        """The images that activate ``channel`` most, without those it is dead for."""
        rows = zip(
            self.positions[channel].tolist(),
            self.values[channel].tolist(),
            self.places[channel].tolist(),
            strict=True,
        )
        return tuple(TopImage(*row) for row in rows if row[0] >= 0)


class TopActivationsCollector:
    """Collects the top images of each channel batch by batch, in constant memory."""

    def __init__(self) -> None:
        self._layers: dict[str, TopActivations] = {}
        self._images = 0

    def add(self, batch: Sequence[LayerPeaks]) -> None:
        """Add the peaks of the next images, of the same layers each time."""
        start = self._images
        for peaks in batch:
            self._images = start + len(peaks.values)
            before = self._layers.get(peaks.name) or _empty(peaks.name, peaks.values.shape[1])
            self._layers[peaks.name] = _merge(before, peaks, start)

    def layers(self) -> dict[str, TopActivations]:
        """The top activations so far, by layer name."""
        return dict(self._layers)


def _empty(name: str, channels: int) -> TopActivations:
    shape = channels, MOST_IMAGES
    return TopActivations(
        name,
        0,
        np.full(shape, -1, np.int32),
        np.full(shape, -np.inf, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(channels, np.int64),
    )


def _merge(before: TopActivations, peaks: LayerPeaks, start: int) -> TopActivations:
    count = len(peaks.values)
    # A channel that is not finite or constant does not count as activated.
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
