"""Wider, deeper and otherwise uniform versions of a network: the parameters of whole networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from cifarviz.experiment.architecture import Architecture
from cifarviz.layers.base import DoesNotFit, Layer, Shape
from cifarviz.layers.block import replace_layers

# A layer that leaves less than this part of the height begins a new stage.
_NEW_STAGE = 0.7
# Widths with a common divisor of at least this much keep their proportions.
_COMMON = 8


def with_width(network: Architecture, factor: float) -> Architecture:
    """Return the network with ``factor`` times as many filters and units in each hidden layer.

    The output layer keeps its units. Raises ``ExperimentInvalid``.
    """
    *hidden, output = network.layers
    # Numbers that add up, as those of a block and its shortcut, must still do so when rounded.
    unit = gcd(*(width for layer in hidden for width in _widths(layer)))
    if unit >= _COMMON:
        factor = max(1, round(factor * unit)) / unit
    return _with_layers(
        network, [*replace_layers(hidden, lambda layer: layer.with_width(factor)), output]
    )


def _widths(layer: Layer) -> list[int]:
    every = layer.all_layers()
    return [getattr(one, one.width_field) for one in every if one.width_field is not None]


def with_field(network: Architecture, name: str, value: Any) -> Architecture:
    """Return the network with ``value`` in this field of every hidden layer that has the field.

    Layers whose type does not take the value keep theirs. Raises ``ExperimentInvalid``.
    """

    def with_value(layer: Layer) -> Layer:
        if not _takes(layer, name, value):
            return layer
        return layer.make(**{**dict(layer), name: value})

    *hidden, output = network.layers
    return _with_layers(network, [*replace_layers(hidden, with_value), output])


def hidden_values(network: Architecture, name: str) -> tuple[Any, ...]:
    """Return the values of a field in the hidden layers that have it, those in blocks included."""
    every = (inner for layer in network.layers[:-1] for inner in layer.all_layers())
    return tuple(getattr(layer, name) for layer in every if name in type(layer).model_fields)


def with_depth(network: Architecture, depth: int) -> Architecture:
    """Return the network with the last unit of each stage ``depth`` times, one after another.

    A stage is a part of the network between two reductions of the map's size. A unit is a
    convolution or a block that changes neither size nor channels (a convolution after the first
    is given ``same`` padding for that), with the normalisation, activation and dropout after it.
    1 is the network itself. Raises ``ExperimentInvalid``.
    """
    layers: list[Layer] = []
    done = 0
    for unit in _last_units(network):
        layers += network.layers[done : unit.end]
        for _ in range(depth - 1):
            layers += unit.copy
        done = unit.end
    return _with_layers(network, [*layers, *network.layers[done:]])


def can_be_deeper(network: Architecture) -> bool:
    """Whether ``with_depth`` can repeat anything."""
    return bool(_last_units(network))


@dataclass(frozen=True)
class _Unit:
    """Layers that can be repeated; ``end`` is the position after them."""

    end: int
    copy: tuple[Layer, ...]


def _last_units(network: Architecture) -> list[_Unit]:
    """Return the last unit of each stage that can be repeated, from the first to the last."""
    found: dict[int, _Unit] = {}
    stage = 0
    shape: Shape = network.input_shape
    shapes = [shape]
    for layer in network.layers:
        shape = layer.output_shape(shape)
        shapes.append(shape)
    for place, layer in enumerate(network.layers):
        before, after = shapes[place], shapes[place + 1]
        if len(after) != 3:
            break
        if after[0] < _NEW_STAGE * before[0]:
            stage += 1
        if _is_body(layer, before):
            unit = _unit_at(network.layers, shapes, place)
            if unit is not None:
                found[stage] = unit
    return list(found.values())


def _unit_at(layers: Sequence[Layer], shapes: Sequence[Shape], place: int) -> _Unit | None:
    end, output = place + 1, shapes[place + 1]
    while (
        end < len(layers) - 1
        and shapes[end + 1] == output
        and not _is_body(layers[end], output)
        and not layers[end].window
    ):
        end += 1
    copy = (_keeping_size(layers[place]), *layers[place + 1 : end])
    shape = output
    try:
        for layer in copy:
            shape = layer.output_shape(shape)
    except DoesNotFit:
        return None
    return _Unit(end, copy) if shape == output else None


def _keeping_size(layer: Layer) -> Layer:
    """Return a convolution that does not change the size of its map; a block as it is."""
    wanted = {"padding": "same", "strides": 1}
    fields = {name: value for name, value in wanted.items() if name in type(layer).model_fields}
    return layer.make(**{**dict(layer), **fields})


def _is_body(layer: Layer, shape: Shape) -> bool:
    """Whether it is a block, or a layer of learned filters."""
    if layer.is_block:
        return True
    return layer.is_learned and not layer.is_normalization and bool(layer.variables(shape))


def _takes(layer: Layer, name: str, value: Any) -> bool:
    if name not in type(layer).model_fields:
        return False
    choices = getattr(type(layer).model_fields[name].annotation, "__args__", None)
    return choices is None or value in choices


def _with_layers(network: Architecture, layers: Sequence[Layer]) -> Architecture:
    return network.make(
        input_shape=network.input_shape, classes=network.classes, layers=tuple(layers)
    )
