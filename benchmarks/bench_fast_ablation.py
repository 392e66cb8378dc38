"""An ablation of ``cifar10-fast``: the recipe without each of its parts, three seeds each.

    python -m benchmarks.bench_fast_ablation [SEEDS]

Test accuracy, mean and range, and the median of the runs' seconds, in bfloat16. It needs the full
CIFAR-10 in ``CIFARVIZ_HOME``.
"""

import sys
from collections.abc import Callable, Mapping
from statistics import mean, median
from typing import Any

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.data.library import status
from cifarviz.executors.worker import Worker
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD, Adam
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import Constant
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.layers.whitening import Whitening
from cifarviz.processor import machine_name
from cifarviz.settings import Settings

_RECIPE = PRESETS["cifar10-fast"].experiment


def variants() -> Mapping[str, Mapping[str, Any]]:
    """Return the changes to the recipe by their names."""
    optimizer = _RECIPE.optimizer
    assert isinstance(optimizer, SGD)
    return {
        "the whole recipe": {},
        "a learned first convolution instead of whitening": with_layers(_RECIPE, learned_first),
        "Glorot uniform instead of identity": with_layers(_RECIPE, glorot),
        "no batch normalisation (learning rate 0.02)": {
            **with_layers(_RECIPE, lambda layer: None if isinstance(layer, BatchNorm) else layer),
            "optimizer": optimizer.make(**{**dict(optimizer), "learning_rate": 0.02}),
        },
        "pooled after ReLU instead of before": {"architecture": pooled_late(_RECIPE)},
        "no flips": {"augmentation": Augmentation()},
        "flips and shifts of 2 pixels": {"augmentation": Augmentation(flip=True, shift=2)},
        "a constant learning rate of 0.2": {
            "schedule": Constant(),
            "optimizer": optimizer.make(**{**dict(optimizer), "learning_rate": 0.2}),
        },
        "plain momentum instead of Nesterov's": {
            "optimizer": optimizer.make(**{**dict(optimizer), "nesterov": False})
        },
        "Adam (0.003) instead of SGD": {"optimizer": Adam(learning_rate=0.003)},
        "label smoothing 0.1": {
            "loss": _RECIPE.loss.make(labels="one_hot", label_smoothing=0.1),
        },
        "no mirrored answers": {"mirrored_answers": False},
        "two epochs": {"epochs": 2},
    }


def main() -> None:
    """Print a table and write it to the results."""
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 3))
    if not status("cifar10", Settings.from_environment()).full_available:
        print("The full CIFAR-10 is missing: python -m cifarviz data fetch cifar10")
        return
    print(machine_name())
    rows = []
    with worker_in_own_home() as worker:
        for name, changes in variants().items():
            runs = [_train(worker, {**changes, "seed": seed}) for seed in seeds]
            accuracies = [accuracy for accuracy, _ in runs]
            seconds = [duration for _, duration in runs]
            rows.append({"what": name, "accuracies": accuracies, "seconds": seconds})
            print(
                f"{name:52}{mean(accuracies):7.2%}  {min(accuracies):.2%} to "
                f"{max(accuracies):.2%}{median(seconds):7.1f} s",
                flush=True,
            )
    write_results("fast_ablation", "python -m benchmarks.bench_fast_ablation", {"rows": rows})


def _train(worker: Worker, changes: Mapping[str, Any]) -> tuple[float, float]:
    experiment = Experiment.make(**{**dict(_RECIPE), "precision": "bfloat16", **changes})
    run = worker.wait(worker.submit(experiment, "ablation").id)
    if run.message:
        raise SystemExit(run.message)
    return worker.store.epochs(run.id)[-1].val_accuracy or 0.0, run.seconds


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


if __name__ == "__main__":
    main()
