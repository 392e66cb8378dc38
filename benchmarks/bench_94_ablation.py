"""An ablation of ``cifar10-94`` on a shortened recipe: each part left out, three seeds each.

    python -m benchmarks.bench_94_ablation [SEEDS] [WORD of a part's name ...]

Two epochs of ``cifar10-90``, whose network has half the filters, on 45,000 images: accuracy on the
5,000 held-back images, mean and range, and the median of the seconds that an epoch trains. It needs
the full CIFAR-10 in ``CIFARVIZ_HOME``.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import mean, median
from typing import Any

from benchmarks.bench_fast_ablation import glorot, learned_first, pooled_late, with_layers
from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import results_folder, write_results
from benchmarks.rows import read_results
from cifarviz.data.library import status
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Augmentation, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD, AdamW
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import Constant
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.dense import Dense
from cifarviz.layers.pooling import GlobalAveragePool2D, GlobalMaxPool2D
from cifarviz.processor import machine_name
from cifarviz.settings import Settings

_RECIPE = Experiment.make(
    **{
        **dict(PRESETS["cifar10-90"].experiment),
        "epochs": 2,
        "validation": SplitValidation(fraction=0.1, seed=42),
    }
)
_COMMAND = "python -m benchmarks.bench_94_ablation"


def variants() -> Mapping[str, Mapping[str, Any]]:
    """Return the changes to the recipe by their names."""
    optimizer = _RECIPE.optimizer
    smoothed = _RECIPE.loss
    return {
        "the whole recipe": {},
        "SGD (0.6, Nesterov 0.85) instead of Muon": {
            "optimizer": SGD(learning_rate=0.6, momentum=0.85, nesterov=True)
        },
        "AdamW (0.005) instead of Muon": {"optimizer": AdamW(learning_rate=0.005)},
        "an output that starts as Glorot uniform": with_layers(_RECIPE, _drawn_output),
        "a learned first convolution instead of whitening": with_layers(_RECIPE, learned_first),
        "Glorot uniform instead of identity": with_layers(_RECIPE, glorot),
        "ReLU instead of SiLU": with_layers(_RECIPE, _with_relu),
        "pooled after activation": {"architecture": pooled_late(_RECIPE)},
        "global average pooling": with_layers(_RECIPE, _averaged),
        "flips at random": {"augmentation": Augmentation(flip=True, shift=2)},
        "no flips": {"augmentation": Augmentation(shift=2)},
        "no shifts": {"augmentation": Augmentation(alternating_flip=True)},
        "no label smoothing": {"loss": smoothed.make(labels="one_hot")},
        "no weight decay": {"optimizer": optimizer.model_copy(update={"weight_decay": 0.0})},
        "a constant learning rate of half": {
            "schedule": Constant(),
            "optimizer": optimizer.model_copy(
                update={"learning_rate": optimizer.learning_rate / 2}
            ),
        },
        "predictions averaged with the mirror image only": {"prediction_shift": 0},
        "predictions not averaged": {"prediction_shift": 0, "mirrored_answers": False},
    }


def main() -> None:
    """Print a table and write it to the results."""
    words = sys.argv[1:]
    counts = [int(word) for word in words if word.isdecimal()] or [3]
    wanted = [word for word in words if not word.isdecimal()]
    if not status("cifar10", Settings.from_environment()).full_available:
        print("The full CIFAR-10 is missing: python -m cifarviz data fetch cifar10")
        return
    unknown = [word for word in wanted if not any(word in name for name in variants())]
    if unknown:
        raise SystemExit(f"No part has {unknown[0]!r} in its name.\n{__doc__}")
    print(machine_name())
    with worker_in_own_home() as worker:
        for name, changes in variants().items():
            if wanted and not any(word in name for word in wanted):
                continue
            runs = [_train(worker, {**changes, "seed": seed}) for seed in range(1, 1 + counts[0])]
            accuracies = [accuracy for accuracy, _ in runs]
            seconds = [duration for _, duration in runs]
            print(
                f"{name:52}{mean(accuracies):7.2%}  {min(accuracies):.2%} to "
                f"{max(accuracies):.2%}{median(seconds):7.1f} s an epoch",
                flush=True,
            )
            _save({"what": name, "accuracies": accuracies, "seconds": seconds})


def _train(worker: Worker, changes: Mapping[str, Any]) -> tuple[float, float]:
    experiment = Experiment.make(**{**dict(_RECIPE), **changes})
    run = worker.wait(worker.submit(experiment, "ablation").id)
    if run.message or not run.train_images or not run.images_per_second:
        raise SystemExit(run.message)
    seconds = run.train_images / run.images_per_second
    return worker.store.epochs(run.id)[-1].val_accuracy or 0.0, seconds


def _save(row: dict[str, Any]) -> None:
    row["date"] = datetime.now(UTC).date().isoformat()
    earlier = read_results(results_folder().name, "ablation_94") or {"rows": []}
    rows = {one["what"]: one for one in [*earlier["rows"], row]}
    ordered = [rows[name] for name in variants() if name in rows]
    write_results("ablation_94", _COMMAND, {"rows": ordered})


def _drawn_output(layer: Layer) -> Layer:
    if not isinstance(layer, Dense):
        return layer
    return layer.model_copy(update={"initializer": "glorot_uniform"})


def _with_relu(layer: Layer) -> Layer:
    if not isinstance(layer, Activation):
        return layer
    return layer.model_copy(update={"activation": "relu"})


def _averaged(layer: Layer) -> Layer:
    return GlobalAveragePool2D() if isinstance(layer, GlobalMaxPool2D) else layer


if __name__ == "__main__":
    main()
