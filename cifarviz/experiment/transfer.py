"""Transfer: a run whose first layers start with the weights that another run has learned."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import MAX_LAYERS, Architecture, Trace
from cifarviz.experiment.variable_shapes import FIRST_PLACE
from cifarviz.layers.base import SEED, Shape, format_shape
from cifarviz.value import Value


class Transfer(Value):
    """The run and the layers whose weights a new run starts with; all other layers are fresh."""

    title: ClassVar[str] = "Transfer"
    explanation: ClassVar[str] = (
        "Starts the first layers with what another run has learned, and all other layers with "
        "random weights."
    )

    run: str = Field(
        default="",
        max_length=64,
        title="run",
        description="The run that has learned the weights; its images may have another size and "
        "other classes, but need as many channels.",
    )
    layers: int = Field(
        default=1,
        ge=1,
        le=MAX_LAYERS,
        title="number of layers taken",
        description="How many of the first layers start with its weights. Usually all before the "
        "network becomes a flat vector: what comes after belongs to that run's classes.",
    )
    checkpoint: Literal["best", "last"] = Field(
        default="best",
        title="weights from",
        description="The epoch of that run whose weights are taken: its best or its last.",
    )

    def format_layers(self) -> str:
        """Return ``the first 8 layers``."""
        return "the first layer" if self.layers == 1 else f"the first {self.layers} layers"


def layers_before_head(traced: Trace) -> int:
    """Return how many of the first layers work on maps: those that another data set can use."""
    shapes = [row.output_shape for row in traced.rows]
    maps = [number for number, shape in enumerate(shapes, 1) if shape and len(shape) == 3]
    return maps[-1] if maps else 0


def transferred_variables(
    source: Architecture, network: Architecture, layers: int, run_name: str
) -> dict[str, str]:
    """Return the variables that ``network`` takes from ``source``, with their names there.

    These are all arrays of its first ``layers``, trained or not, but no states of random
    generators. Layers are matched by name, so dropout may differ. Raises ``ExperimentInvalid``
    with ``run_name`` if a layer has no counterpart of the same shape, or there are no arrays.
    """
    there = {(layer, name): (path, shape) for _, layer, name, path, shape in _arrays(source)}
    found: dict[str, str] = {}
    for number, layer, name, path, shape in _arrays(network):
        if number > layers:
            break
        if (layer, name) not in there:
            raise ExperimentInvalid(
                "Layer {number} ({layer}) has no counterpart in “{run}”, so it cannot start with "
                "its weights. Take fewer layers, or use the network of that run.",
                number=number,
                layer=layer,
                run=run_name,
            )
        found[path], expected = there[layer, name]
        if shape != expected:
            raise ExperimentInvalid(
                "Layer {number} ({layer}) cannot start with the weights of “{run}”: its {name} has "
                "the shape {shape} and there it is {expected}. Take fewer layers, or use the "
                "network of that run.",
                number=number,
                layer=layer,
                run=run_name,
                name=name.replace("_", " "),
                shape=format_shape(shape),
                expected=format_shape(expected),
            )
    if not found:
        raise ExperimentInvalid(
            "The first layers of this network, up to layer {layers}, have no weights to take. Take "
            "more layers.",
            layers=layers,
        )
    return found


def _arrays(network: Architecture) -> Iterator[tuple[int, str, str, str, Shape]]:
    """Yield the layer's number from 1 and name, the array's name, its path and its shape."""
    numbers = [
        number for number, named in enumerate(network.named_layers, 1) for _ in named.all_names()
    ]
    for place, (number, (layer, spec, shape)) in enumerate(
        zip(numbers, network.walk(), strict=True), FIRST_PLACE
    ):
        for variable in spec.variables(shape):
            if variable.name != SEED:
                path = f"model/{place:03d}/{layer}/{variable.name}"
                yield number, layer, variable.name, path, variable.shape
