"""Which variables a network and its optimizer have, by name, without TensorFlow.

The names are those under which ``network/variables.py`` keeps them; tests hold the two equal.
"""

from collections.abc import Iterator

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.optimizers import SGD, Adam, AdamW, Optimizer
from cifarviz.layers.base import Shape, Variable

# The network's own layers come after the image and its scaling.
_FIRST_PLACE = 2


def model_variables(architecture: Architecture) -> dict[str, Shape]:
    """The shape of each variable: ``model/002/conv2d_1/kernel``, …"""
    return {
        f"model/{place:03d}/{layer}/{variable.name}": variable.shape
        for place, layer, variable in _variables(architecture)
    }


def optimizer_variables(architecture: Architecture, optimizer: Optimizer) -> dict[str, Shape]:
    """The shape of each variable that the optimizer has for this network."""
    kept: tuple[str, ...]
    match optimizer:
        case Adam() | AdamW():
            kept = ("momentum", "velocity")
        case SGD():
            kept = ("momentum",) if optimizer.momentum else ()
        case _:
            kept = ("velocity",)
    found: list[tuple[str, Shape]] = [("iteration", ()), ("learning_rate", ())]
    for _place, layer, variable in _variables(architecture):
        if variable.trainable:
            found += [(f"{layer}_{variable.name}_{one}", variable.shape) for one in kept]
    return {f"optimizer/{place:03d}/{name}": shape for place, (name, shape) in enumerate(found)}


def without_place(name: str) -> str:
    """A variable's name without its layer's place, which dropout before it moves."""
    kind, _, rest = name.partition("/")
    return f"{kind}/{rest.partition('/')[2]}" if kind == "model" else name


def _variables(architecture: Architecture) -> Iterator[tuple[int, str, Variable]]:
    """Each with the place and the name of its layer."""
    for place, (name, layer, shape) in enumerate(architecture.walk(), _FIRST_PLACE):
        for variable in layer.variables(shape):
            yield place, name, variable
