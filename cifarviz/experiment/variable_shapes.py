"""Names and shapes of the variables of a network and its optimiser, without TensorFlow.

The names are those of ``network/variables.py``; tests compare the two.
"""

from collections.abc import Iterator

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.optimizers import Optimizer
from cifarviz.layers.base import Shape, Variable

# The network's layers come after the image input and its scaling.
FIRST_PLACE = 2


def model_variables(architecture: Architecture) -> dict[str, Shape]:
    """Return the shape of each variable: ``model/002/conv2d_1/kernel``, …"""
    return {name: variable.shape for name, variable in _model_variables(architecture)}


def optimizer_variables(architecture: Architecture, optimizer: Optimizer) -> dict[str, Shape]:
    """Return the shape of each variable that the optimiser has for this network."""
    return {
        name: variable.shape for name, variable in _optimizer_variables(architecture, optimizer)
    }


def never_negative(architecture: Architecture, optimizer: Optimizer) -> frozenset[str]:
    """Return the variables that are never below 0, by their names ``without_place``."""
    named = (*_model_variables(architecture), *_optimizer_variables(architecture, optimizer))
    return frozenset(without_place(name) for name, variable in named if variable.never_negative)


def without_place(name: str) -> str:
    """Return a variable's name without its layer's place, which dropout layers shift."""
    kind, _, rest = name.partition("/")
    return f"{kind}/{rest.partition('/')[2]}" if kind == "model" else name


def _model_variables(architecture: Architecture) -> Iterator[tuple[str, Variable]]:
    for place, (layer, spec, shape) in enumerate(architecture.walk(), FIRST_PLACE):
        for variable in spec.variables(shape):
            yield f"model/{place:03d}/{layer}/{variable.name}", variable


def _optimizer_variables(
    architecture: Architecture, optimizer: Optimizer
) -> Iterator[tuple[str, Variable]]:
    trained = [
        Variable(f"{layer}_{variable.name}", variable.shape)
        for layer, spec, shape in architecture.walk()
        for variable in spec.variables(shape)
        if spec.trains(variable)
    ]
    variables = (
        Variable("iteration", (), never_negative=True),
        Variable("learning_rate", (), never_negative=True),
        *optimizer.variables(trained),
    )
    for position, variable in enumerate(variables):
        yield f"optimizer/{position:03d}/{variable.name}", variable
