"""How a single output value of a layer follows from its inputs, as plain arrays.

Positions are (row, column); a flat vector counts as maps of one pixel, a channel each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.layers.window import Window

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Placement:
    """Where a window lies on a map, for each output position.

    It takes ``size`` rows and columns, each ``dilation``-th of the map, begins at ``origin`` for
    the first output position, outside the map where it is padded, and moves by ``strides``.
    ``places`` are the rows and columns of the output.
    """

    size: tuple[int, int] = (1, 1)
    origin: tuple[int, int] = (0, 0)
    strides: int = 1
    dilation: int = 1
    places: tuple[int, int] = (1, 1)


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """An activation of a bias and the sum over input channels of patch × kernel.

    ``maps`` float32 (n, height, width) are the input channels, numbered ``channels`` in the
    layer's input or called ``names``; ``kernel`` float32 (n, kernel height, kernel width), or
    ``None`` where values are only added. ``mixture`` (n,) is multiplied to the sum of each
    channel, in a separable convolution. ``scores`` are those of all units, for softmax, of which
    this is number ``unit``.
    """

    maps: Floats
    placement: Placement
    kernel: Floats | None = None
    mixture: Floats | None = None
    bias: float | None = None
    activation: str = "linear"
    channels: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    scores: NDArray[np.float64] | None = None
    unit: int = 0


@dataclass(frozen=True, eq=False)
class Pooling:
    """The largest value or, with ``mean``, the mean of a window on one channel.

    ``maps`` is float32 (1, height, width), channel ``channel`` of the input. Padding counts for
    neither.
    """

    maps: Floats
    placement: Placement
    channel: int
    mean: bool


@dataclass(frozen=True, eq=False)
class Normalization:
    """gamma · (x − mean) / √(variance + epsilon) + beta, of each value x of one channel.

    ``maps`` float32 (1, height, width); ``means`` and ``variances`` float64 (height, width).
    ``over`` says what they are taken over.
    """

    maps: Floats
    placement: Placement
    channel: int
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    gamma: float
    beta: float
    epsilon: float
    over: str


Calculation = WeightedSum | Pooling | Normalization


def as_maps(values: Floats) -> Floats:
    """(height, width, channels) or (values,) as (channels, height, width)."""
    return values[:, None, None] if values.ndim == 1 else np.moveaxis(values, -1, 0)


def placed(window: Window, shape: Sequence[int]) -> Placement:
    """Where ``window`` lies on an input of (height, width, …)."""
    places = window.places(shape[0]), window.places(shape[1])
    origin = window.first(shape[0]), window.first(shape[1])
    return Placement((window.size, window.size), origin, window.strides, window.dilation, places)


def each_value(shape: Sequence[int]) -> Placement:
    """One value at a time, of an input of (height, width, channels) or (values,)."""
    height, width = shape[:2] if len(shape) == 3 else (1, 1)
    return Placement(places=(height, width))


def passed_on(values: Floats, channel: int, activation: str = "linear") -> WeightedSum:
    """An activation of each value of one channel."""
    maps = as_maps(values)[channel : channel + 1]
    return WeightedSum(maps, each_value(values.shape), activation=activation, channels=(channel,))


def normalized(
    values: Floats,
    channel: int,
    gamma: Floats,
    beta: Floats,
    epsilon: float,
    statistics: tuple[NDArray[np.float64], NDArray[np.float64]],
    over: str,
) -> Normalization:
    """A normalisation of ``channel`` with mean and variance that fit (height, width)."""
    maps = as_maps(values)[channel : channel + 1]
    means, variances = (
        np.broadcast_to(np.asarray(numbers, np.float64), maps.shape[1:]) for numbers in statistics
    )
    return Normalization(
        maps,
        each_value(values.shape),
        channel,
        means,
        variances,
        float(gamma[channel]),
        float(beta[channel]),
        epsilon,
        over,
    )
