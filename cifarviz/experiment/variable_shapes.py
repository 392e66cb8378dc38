"""Which variables a network and its optimizer have, by name, without TensorFlow.

The names are those under which ``network/variables.py`` keeps them; tests hold the two equal.
"""

from collections.abc import Iterator

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.layer_shapes import Shape
from cifarviz.experiment.layers import BatchNorm, Conv2D, Dense, Dropout, Whitening
from cifarviz.experiment.optimizers import SGD, Adam, AdamW, Optimizer

# The network's own layers come after the image and its scaling.
_FIRST_PLACE = 2

SEED = "seed_generator_state"
"""The name of a dropout layer's random generator, whose state is two integers."""


def model_variables(architecture: Architecture) -> dict[str, Shape]:
    """The shape of each variable: ``model/002/conv2d_1/kernel``, …"""
    return {
        f"model/{place:03d}/{layer}/{variable}": shape
        for place, layer, variable, shape, _trainable in _variables(architecture)
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
    for _place, layer, variable, shape, trainable in _variables(architecture):
        if trainable:
            found += [(f"{layer}_{variable}_{one}", shape) for one in kept]
    return {f"optimizer/{place:03d}/{name}": shape for place, (name, shape) in enumerate(found)}


def without_place(name: str) -> str:
    """A variable's name without its layer's place, which dropout before it moves."""
    kind, _, rest = name.partition("/")
    return f"{kind}/{rest.partition('/')[2]}" if kind == "model" else name


def _variables(architecture: Architecture) -> Iterator[tuple[int, str, str, Shape, bool]]:
    """Place, layer, name and shape of each, and whether it is trained."""
    shape: Shape = architecture.input_shape
    rows = architecture.trace().rows
    for place, (layer, row) in enumerate(zip(architecture.layers, rows, strict=True), _FIRST_PLACE):
        match layer:
            case Conv2D():
                kernel = (layer.kernel_size, layer.kernel_size, shape[2], layer.filters)
                yield place, row.name, "kernel", kernel, True
                if layer.use_bias:
                    yield place, row.name, "bias", (layer.filters,), True
            case Whitening():
                kernel = (layer.kernel_size, layer.kernel_size, shape[2], layer.filters)
                yield place, row.name, "kernel", kernel, False
            case Dense():
                yield place, row.name, "kernel", (shape[0], layer.units), True
                if layer.use_bias:
                    yield place, row.name, "bias", (layer.units,), True
            case BatchNorm():
                for variable in ("gamma", "beta", "moving_mean", "moving_variance"):
                    trainable = not variable.startswith("moving")
                    yield place, row.name, variable, (shape[-1],), trainable
            case Dropout() if layer.rate:
                yield place, row.name, SEED, (2,), False
        assert row.output_shape is not None
        shape = row.output_shape
