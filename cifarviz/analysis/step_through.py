"""How one output value of a layer follows from its inputs, term by term."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.experiment.architecture import Architecture, NamedLayer
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.calculation import (
    Calculation,
    Normalization,
    Placement,
    Pooling,
    WeightedSum,
)

_ERF = np.vectorize(math.erf, otypes=[np.float64])
_ACTIVATIONS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    # Keras' slope.
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (1 + _ERF(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of one output value, float64.

    ``patches`` (n, height, width): what the window sees of each input channel, NaN where it is
    padded; ``products`` (n, height, width): times the kernel, 0 where it is padded; ``sums`` (n,):
    of each channel's products, times its share of the mixture. For a maximum, ``products`` are the
    patches and ``sums`` the largest value. ``total`` is the value before the activation.
    """

    patches: NDArray[np.float64]
    products: NDArray[np.float64]
    sums: NDArray[np.float64]
    total: float
    output: float

    @property
    def strongest_first(self) -> NDArray[np.int64]:
        """The input channels by the absolute sum of their products, ties by number."""
        return np.argsort(-np.abs(self.sums), kind="stable")


def layer_inputs(architecture: Architecture) -> dict[str, tuple[str | None, ...]]:
    """Return by layer whose outputs it takes: ``None`` is the scaled image.

    A block takes the outputs of its branches; all other layers take one.
    """
    found: dict[str, tuple[str | None, ...]] = {}

    def collect(layers: Iterable[NamedLayer], source: str | None) -> str | None:
        for named in layers:
            ends = [collect(branch, source) for branch in named.branches]
            found[named.name] = tuple(ends) if named.branches else (source,)
            source = named.name
        return source

    collect(architecture.named_layers, None)
    return found


def scaled_image(pixels: NDArray[np.uint8], scaling: Scaling) -> NDArray[np.float32]:
    """The input of the first layer, float32 (height, width, channels)."""
    scaled = pixels.astype(np.float32) * np.array(scaling.scale, np.float32)
    return scaled + np.array(scaling.offset, np.float32)


def layer_calculation(
    architecture: Architecture,
    layer: str,
    channel: int,
    image: NDArray[np.float32],
    outputs: Mapping[str, NDArray[np.float32]],
    variables: Mapping[str, NDArray[np.float32]],
) -> Calculation:
    """Return how a channel, or a unit, of ``layer`` is calculated for an image.

    ``image`` is ``scaled_image``, ``outputs`` those of all layers by name, ``variables`` the
    layer's arrays by name.
    """
    spec = architecture.find_layer(layer)
    assert spec is not None
    sources = layer_inputs(architecture)[layer]
    inputs = [image if source is None else outputs[source] for source in sources]
    return spec.calculation(inputs, variables, channel)


def compute_terms(calculation: Calculation, row: int, column: int) -> Terms:
    """Return the terms of the output value at (row, column); a vector's is at (0, 0)."""
    patches = _patches(calculation, row, column)
    match calculation:
        case WeightedSum():
            return _weighted_terms(calculation, patches)
        case Pooling():
            seen = patches[~np.isnan(patches)]
            output = float(seen.mean() if calculation.mean else seen.max())
            shares = np.nan_to_num(patches) / (seen.size if calculation.mean else 1)
            return Terms(patches, shares, np.array([output]), output, output)
        case Normalization():
            value = float(patches[0, 0, 0])
            spread = math.sqrt(calculation.variances[row, column] + calculation.epsilon)
            output = calculation.gamma * (value - calculation.means[row, column]) / spread
            output += calculation.beta
            return Terms(patches, patches, np.array([value]), output, output)


def _weighted_terms(calculation: WeightedSum, patches: NDArray[np.float64]) -> Terms:
    kernel = 1.0 if calculation.kernel is None else calculation.kernel.astype(np.float64)
    products = np.nan_to_num(patches) * kernel
    sums = products.sum(axis=(1, 2))
    if calculation.mixture is not None:
        sums = sums * calculation.mixture.astype(np.float64)
    total = float(sums.sum()) + (calculation.bias or 0.0)
    if calculation.scores is None:
        output = float(_ACTIVATIONS[calculation.activation](np.array(total)))
    else:
        scores = calculation.scores - calculation.scores.max()
        output = float(np.exp(scores[calculation.unit]) / np.exp(scores).sum())
    return Terms(patches, products, sums, total, output)


def _patches(calculation: Calculation, row: int, column: int) -> NDArray[np.float64]:
    place = calculation.placement
    rows, columns = (_seen(place, axis, at) for axis, at in enumerate((row, column)))
    count, height, width = calculation.maps.shape
    patches = np.full((count, *place.size), np.nan)
    inside = np.ix_((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    here = np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])
    patches[:, inside[0], inside[1]] = calculation.maps[:, here[0], here[1]]
    return patches


def _seen(place: Placement, axis: int, at: int) -> NDArray[np.int64]:
    first = place.origin[axis] + at * place.strides
    return first + np.arange(place.size[axis]) * place.dilation
