"""Names and shapes of the variables of a network and its optimiser, without TensorFlow.

The names are those of ``network/variables.py``; tests compare the two.
"""

from collections.abc import Iterator

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.optimizers import SGD, Adam, AdamW, Optimizer
from cifarviz.layers.base import Shape, Variable

# The network's layers come after the image input and its scaling.
_FIRST_PLACE = 2


def model_variables(architecture: Architecture) -> dict[str, Shape]:
    """Return the shape of each variable: ``model/002/conv2d_1/kernel``, …"""
    return {
        f"model/{place:03d}/{layer}/{variable.name}": variable.shape
        for place, layer, variable in _variables(architecture)
    }


def optimizer_variables(architecture: Architecture, optimizer: Optimizer) -> dict[str, Shape]:
    """Return the shape of each variable that the optimiser has for this network."""
    slots: tuple[str, ...]
    match optimizer:
        case Adam() | AdamW():
            slots = ("momentum", "velocity")
        case SGD():
            slots = ("momentum",) if optimizer.momentum else ()
        case _:
            slots = ("velocity",)
    shapes: list[tuple[str, Shape]] = [("iteration", ()), ("learning_rate", ())]
    for _place, layer, variable in _variables(architecture):
        if variable.trainable:
            shapes += [(f"{layer}_{variable.name}_{slot}", variable.shape) for slot in slots]
    return {f"optimizer/{place:03d}/{name}": shape for place, (name, shape) in enumerate(shapes)}


def without_place(name: str) -> str:
    """Return a variable's name without its layer's place, which dropout layers shift."""
    kind, _, rest = name.partition("/")
    return f"{kind}/{rest.partition('/')[2]}" if kind == "model" else name


def _variables(architecture: Architecture) -> Iterator[tuple[int, str, Variable]]:
    """Yield each variable with the place and the name of its layer."""
    for place, (name, layer, shape) in enumerate(architecture.walk(), _FIRST_PLACE):
        for variable in layer.variables(shape):
            yield place, name, variable
