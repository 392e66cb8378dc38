"""Ablations: a recipe without each of its parts, some seeds each."""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import results_folder, write_results
from benchmarks.rows import read_results
from cifarviz.data.library import status
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.layers.whitening import Whitening
from cifarviz.processor import machine_name
from cifarviz.runs.records import Run
from cifarviz.settings import Settings

Variants = Mapping[str, Mapping[str, Any]]
"""The changes to a recipe by their names."""


def run_ablation(
    name: str,
    recipe: Experiment,
    variants: Variants,
    compute_seconds: Callable[[Run], float],
) -> None:
    """Print a table and write it to the results of that name.

    Arguments of the command are the number of seeds, by default three, and words in the names of
    parts; with words the results keep their other rows. The accuracy is that of the last epoch on
    the recipe's validation images.
    """
    words = sys.argv[1:]
    counts = [int(word) for word in words if word.isdecimal() and int(word)] or [3]
    wanted = [word for word in words if not word.isdecimal()]
    if not status("cifar10", Settings.from_environment()).full_available:
        print("The full CIFAR-10 is missing: python -m cifarviz data fetch cifar10")
        return
    unknown = [word for word in wanted if not any(word in part for part in variants)]
    if unknown:
        raise SystemExit(f"No part has {unknown[0]!r} in its name: {', '.join(variants)}.")
    command = " ".join([f"python -m benchmarks.{Path(sys.argv[0]).stem}", *words])
    print(machine_name())
    earlier = (wanted and read_results(results_folder().name, name)) or {"rows": []}
    rows = {row["what"]: row for row in earlier["rows"]}
    with worker_in_own_home() as worker:
        for part, changes in variants.items():
            if wanted and not any(word in part for word in wanted):
                continue
            accuracies, durations = [], []
            for seed in range(1, 1 + counts[0]):
                experiment = Experiment.make(**{**dict(recipe), **changes, "seed": seed})
                run = worker.wait(worker.submit(experiment, "ablation").id)
                if run.message:
                    raise SystemExit(run.message)
                accuracies.append(worker.store.epochs(run.id)[-1].val_accuracy or 0.0)
                durations.append(compute_seconds(run))
            print(
                f"{part:52}{mean(accuracies):7.2%}  {min(accuracies):.2%} to "
                f"{max(accuracies):.2%}{median(durations):7.1f} s",
                flush=True,
            )
            rows[part] = {
                "what": part,
                "accuracies": accuracies,
                "seconds": durations,
                "date": datetime.now(UTC).date().isoformat(),
            }
    # Only at the end: a run that was cut off leaves the results as they were.
    ordered = [rows[part] for part in variants if part in rows]
    write_results(name, command, {"rows": ordered})


def with_layers(recipe: Experiment, change: Callable[[Layer], Layer | None]) -> dict[str, Any]:
    """Return the network of a recipe with changed layers, without those that become ``None``."""
    layers = [change(layer) for layer in recipe.architecture.layers]
    return {"architecture": _network(recipe, [layer for layer in layers if layer is not None])}


def _network(recipe: Experiment, layers: list[Layer]) -> Architecture:
    base = recipe.architecture
    return base.make(input_shape=base.input_shape, classes=base.classes, layers=tuple(layers))


def learned_first(layer: Layer) -> Layer:
    """Return a convolution that is learned instead of whitening; another layer as it is."""
    if not isinstance(layer, Whitening):
        return layer
    return Conv2D(
        filters=layer.filters,
        kernel_size=layer.kernel_size,
        strides=layer.strides,
        padding="valid",
        activation=layer.activation,
    )


def glorot(layer: Layer) -> Layer:
    """Return a convolution that starts as Glorot uniform; another layer as it is."""
    if not isinstance(layer, Conv2D):
        return layer
    return layer.make(**{**dict(layer), "initializer": "glorot_uniform"})


def pooled_late(recipe: Experiment) -> Architecture:
    """Return the network of a recipe with pooling after activation instead of before."""
    layers: list[Layer] = []
    pools: list[Layer] = []
    for layer in recipe.architecture.layers:
        if isinstance(layer, MaxPool2D):
            pools.append(layer)
            continue
        layers.append(layer)
        if isinstance(layer, Activation):
            layers += pools
            pools = []
    return _network(recipe, layers)
