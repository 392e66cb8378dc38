"""What a layer makes of the shape that comes in: Keras' own arithmetic, without TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass

from cifarviz.experiment.layer_choices import Padding
from cifarviz.experiment.layers import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    LayerSpec,
    Pool2D,
    Whitening,
)

Shape = tuple[int, ...]
"""(height, width, channels) or (values,)."""


class DoesNotFit(Exception):
    """This layer cannot take what comes in; the message says why."""


@dataclass(frozen=True)
class Step:
    """The shape that a layer passes on, and what it costs: parameters, multiply-adds an image."""

    shape: Shape
    trainable: int = 0
    frozen: int = 0
    operations: int = 0


def pass_through(layer: LayerSpec, shape: Shape) -> Step:
    """What ``layer`` makes of values of this shape; raises ``DoesNotFit``."""
    match layer:
        case Conv2D():
            out = _fitting(shape, layer.kernel_size, layer.strides, layer.padding, "kernel")
            weights = layer.kernel_size**2 * shape[2] * layer.filters
            return Step(
                (*out, layer.filters),
                trainable=weights + (layer.filters if layer.use_bias else 0),
                operations=out[0] * out[1] * weights,
            )
        case Whitening():
            return _whitened(layer, shape)
        case Pool2D():
            out = _fitting(shape, layer.pool_size, layer.strides, layer.padding, "window")
            return Step((*out, shape[2]))
        case GlobalAveragePool2D() | GlobalMaxPool2D():
            return Step((_maps(shape)[2],))
        case Flatten():
            return Step((_size(shape),))
        case Dense():
            if len(shape) != 1:
                raise DoesNotFit(
                    "Dense layers want a flat vector: put Flatten or global pooling before this "
                    f"layer (the map here is {in_words(shape)})."
                )
            weights = shape[0] * layer.units
            biases = layer.units if layer.use_bias else 0
            return Step((layer.units,), trainable=weights + biases, operations=weights)
        case BatchNorm():
            channels = shape[-1]
            return Step(shape, trainable=2 * channels, frozen=2 * channels, operations=_size(shape))
        case Activation() | Dropout():
            return Step(shape)


def _whitened(layer: Whitening, shape: Shape) -> Step:
    height, width, channels = _maps(shape)
    if layer.kernel_size > min(height, width):
        raise DoesNotFit(
            f"Patches of {layer.kernel_size}×{layer.kernel_size} pixels don't fit on a "
            f"{height}×{width} image: use a smaller kernel."
        )
    values = layer.kernel_size**2 * channels
    if layer.filters > 2 * values:
        raise DoesNotFit(
            f"A patch of {layer.kernel_size}×{layer.kernel_size} pixels with {channels} "
            f"{'channel' if channels == 1 else 'channels'} has {values} values, so there are at "
            f"most {2 * values} filters: use fewer, or a larger kernel."
        )
    out = _slide(height, width, layer.kernel_size, layer.strides, "valid")
    weights = values * layer.filters
    return Step((*out, layer.filters), frozen=weights, operations=out[0] * out[1] * weights)


def in_words(shape: Sequence[int]) -> str:
    """``(4, 4, 64)`` as ``"4×4×64"``."""
    return "×".join(str(side) for side in shape)


def _maps(shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise DoesNotFit(
            "Convolution and pooling want maps, and a flat vector of "
            f"{shape[0]:,} values comes in: put this layer before Flatten or global pooling."
        )
    return shape[0], shape[1], shape[2]


def _fitting(
    shape: Shape, window: int, strides: int, padding: Padding, words: str
) -> tuple[int, int]:
    """Height and width of what a window leaves of a map; ``words``: what people call it."""
    height, width, _ = _maps(shape)
    if padding == "valid" and window > min(height, width):
        raise DoesNotFit(
            f"A {window}×{window} window without padding doesn't fit on a {height}×{width} map: "
            f"use same padding, a smaller {words}, or less pooling before it."
        )
    return _slide(height, width, window, strides, padding)


def _slide(height: int, width: int, window: int, strides: int, padding: Padding) -> tuple[int, int]:
    if padding == "same":
        return -(-height // strides), -(-width // strides)
    return (height - window) // strides + 1, (width - window) // strides + 1


def _size(shape: Shape) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
