"""How a layer's weights, gradients and activations are distributed over a run's epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.experiment.architecture import Architecture
from cifarviz.runs.layer_histograms import BINS, HistogramKind, Histograms, LayerHistogram

# Shares of the values that may be outside the range shown, on either side.
_TAIL = 0.002
VANISHING: Final = 1e-6
"""Norm of a layer's gradient, as a share of that of its weights, below which it vanishes."""
UNEVEN: Final = 1e-3
"""The same share as a share of the largest among the layers, below which it vanishes, too."""
EXPLODING: Final = 10.0
SATURATED: Final = 0.5
"""The share of values near the limits of an activation from which it is called saturated."""
# Limits of activations, and values near them.
_LIMITS: Mapping[str, tuple[float, float]] = {"tanh": (-0.95, 0.95), "sigmoid": (0.05, 0.95)}


@dataclass(frozen=True, eq=False)
class LayerHistory:
    """The distribution of a layer's values after each of ``epochs``.

    ``shares`` float64 (epochs, bins) are the shares of the values in equal bins from ``low`` to
    ``high``; a row of a network that put out no finite numbers is 0.
    """

    name: str
    epochs: tuple[int, ...]
    shares: NDArray[np.float64]
    low: float
    high: float


@dataclass(frozen=True)
class LayerNumbers:
    """Facts about a layer after an epoch; ``None`` where they were not measured.

    ``ratio`` is the norm of the gradient divided by that of the weights, ``dead`` the share of
    units with one value for all images, ``saturated`` the share of values near the limits of tanh
    or sigmoid.
    """

    name: str
    weight_norm: float | None = None
    gradient_norm: float | None = None
    dead: float | None = None
    saturated: float | None = None

    @property
    def ratio(self) -> float | None:
        """The norm of the gradient divided by the norm of the weights."""
        if self.gradient_norm is None or not self.weight_norm:
            return None
        return self.gradient_norm / self.weight_norm


@dataclass(frozen=True)
class LayerProblem:
    """What is wrong with a layer; ``value`` is the share or the ratio that says so."""

    kind: Literal["dead", "saturated", "vanishing", "exploding", "not_finite"]
    layer: str
    value: float


def layer_histories(
    epochs: Mapping[int, Histograms], kind: HistogramKind
) -> tuple[LayerHistory, ...]:
    """The histories of all layers with values of this kind, in the order of the layers."""
    found: dict[str, dict[int, LayerHistogram]] = {}
    for epoch, histograms in sorted(epochs.items()):
        for layer in histograms.get(kind, ()):
            found.setdefault(layer.name, {})[epoch] = layer
    return tuple(_history(name, layers) for name, layers in found.items())


def layer_numbers(histograms: Histograms, architecture: Architecture) -> tuple[LayerNumbers, ...]:
    """The facts about each layer, in the order of the layers."""
    weights, gradients, activations = (
        {layer.name: layer for layer in histograms.get(kind, ())}
        for kind in ("weights", "gradients", "activations")
    )
    activation = {
        name: getattr(layer, "activation", None) for name, layer, _ in architecture.walk()
    }
    names = [name for name in activation if name in weights or name in activations]
    return tuple(
        LayerNumbers(
            name,
            weights[name].norm if name in weights else None,
            gradients[name].norm if name in gradients else None,
            activations[name].dead if name in activations else None,
            _saturated(activations[name], str(activation[name])) if name in activations else None,
        )
        for name in names
    )


def find_problems(layers: Sequence[LayerNumbers]) -> tuple[LayerProblem, ...]:
    """Dead units, saturated activations, vanishing and exploding gradients, by layer."""
    problems: list[LayerProblem] = []
    before = 0.0
    ratios = [layer.ratio for layer in layers if layer.ratio is not None]
    largest = max((ratio for ratio in ratios if np.isfinite(ratio)), default=0.0)
    for layer in layers:
        # A layer after a dead one often has as many dead units.
        if layer.dead and layer.dead != before:
            problems.append(LayerProblem("dead", layer.name, layer.dead))
        before = layer.dead or 0.0
        if layer.saturated is not None and layer.saturated >= SATURATED:
            problems.append(LayerProblem("saturated", layer.name, layer.saturated))
        ratio = layer.ratio
        if ratio is None:
            continue
        if not np.isfinite(ratio):
            problems.append(LayerProblem("not_finite", layer.name, ratio))
        elif ratio > EXPLODING:
            problems.append(LayerProblem("exploding", layer.name, ratio))
        elif ratio < max(VANISHING, UNEVEN * largest):
            problems.append(LayerProblem("vanishing", layer.name, ratio))
    return tuple(problems)


def rebin(layer: LayerHistogram, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shares of a histogram's values between ``edges`` (n + 1,): float64 (n,).

    Within a bin the values are taken to be evenly spread.
    """
    total = int(layer.counts.sum(dtype=np.int64))
    if not total:
        return np.zeros(len(edges) - 1)
    return np.diff(_share_below(layer, edges))


def _history(name: str, layers: Mapping[int, LayerHistogram]) -> LayerHistory:
    low, high = _range(list(layers.values()))
    edges = np.linspace(low, high, BINS + 1)
    shares = np.array([rebin(layer, edges) for layer in layers.values()])
    return LayerHistory(name, tuple(layers), shares, low, high)


def _range(layers: Sequence[LayerHistogram]) -> tuple[float, float]:
    """A range with nearly all values of each epoch; outliers would flatten all else."""
    lows, highs = [], []
    for layer in layers:
        if layer.counts.any():
            edges = np.linspace(layer.low, layer.high, BINS + 1)
            cumulated = np.concatenate([[0], np.cumsum(layer.counts, dtype=np.int64)])
            shares = cumulated / cumulated[-1]
            lows.append(float(edges[np.searchsorted(shares, _TAIL, "right") - 1]))
            highs.append(float(edges[np.searchsorted(shares, 1 - _TAIL, "left")]))
    low, high = min(lows, default=0.0), max(highs, default=0.0)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _share_below(layer: LayerHistogram, values: NDArray[np.float64]) -> NDArray[np.float64]:
    cumulated = np.concatenate([[0], np.cumsum(layer.counts, dtype=np.int64)])
    if layer.low == layer.high:
        # A single value, such as that of biases before the first step.
        return (values > layer.low).astype(np.float64)
    edges = np.linspace(layer.low, layer.high, BINS + 1)
    return np.interp(values, edges, cumulated / cumulated[-1])


def _saturated(layer: LayerHistogram, activation: str) -> float | None:
    if activation not in _LIMITS or not layer.counts.any():
        return None
    below, upper = _share_below(layer, np.array(_LIMITS[activation]))
    return float(below + 1 - upper)
