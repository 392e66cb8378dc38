"""The effect of a global seed in plain Keras: the same image order in every epoch.

With the TensorFlow backend ``keras.utils.set_random_seed(s)`` followed by
``model.fit(images, labels, shuffle=True)`` shows the images in the same order in every epoch.
This trains ``cifar10-vgg`` in plain Keras, float32, in both ways from the same initial weights:

- fixed: the seed is set and ``fit`` shuffles, as in a careful script;
- fresh: the same, but images are passed in a new order in each epoch.

It takes about an hour and a half on two cores and is not part of ``make bench``. Each finished run
is saved at once, and a later call continues from there.

    python -m benchmarks.shuffle_order [--seeds 3] [--epochs 10] [--out FILE]
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cifarviz.data.library import load
from cifarviz.experiment.presets import PRESETS
from cifarviz.network.build import build
from cifarviz.processor import machine_name
from cifarviz.settings import Settings
from cifarviz.training.plan import Plan, epoch_order, make_plan

_OUT = Path("benchmarks/results/amx/shuffle_order.json")


def main() -> None:
    """Train the runs missing in the results file, then print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=10)
    arguments.add_argument("--out", type=Path, default=_OUT)
    options = arguments.parse_args()
    results = json.loads(options.out.read_text()) if options.out.exists() else {"runs": []}
    done = {
        (run["order"], run["seed"]) for run in results["runs"] if run["epochs"] == options.epochs
    }
    # First without a seed, as a seed cannot be unset in a process.
    repeats = {"unseeded": fit_repeats_its_order(None), "seeded": fit_repeats_its_order(1)}
    print(f"fit repeats its order in every epoch: {repeats}")
    results["fit_repeats_its_order"] = repeats
    experiment = PRESETS["cifar10-vgg"].experiment
    plan = make_plan(experiment, load("cifar10", "full", Settings.from_environment()))
    for seed in range(1, options.seeds + 1):
        for order in ("fixed", "fresh"):
            if (order, seed) in done:
                continue
            results["runs"].append(_train(plan, order, seed, options.epochs))
            results |= {
                "machine": machine_name(),
                "date": datetime.now(UTC).date().isoformat(),
                "keras": keras.__version__,
                "tensorflow": tf.__version__,
            }
            _write(options.out, results)
    _write(options.out, results)
    _print_table([run for run in results["runs"] if run["epochs"] == options.epochs])


def _write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def _train(plan: Plan, order: str, seed: int, epochs: int) -> dict[str, Any]:
    assert plan.validation is not None
    keras.utils.set_random_seed(seed)
    preset = PRESETS["cifar10-vgg"].experiment
    model = build(preset.architecture, plan.scaling, seed=seed, precision="float32")
    model.compile(
        optimizer=keras.optimizers.Adam(preset.optimizer.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    images, labels = plan.train.images, plan.train.labels
    validation = (plan.validation.images, plan.validation.labels)
    history: dict[str, list[float]] = {}
    common = {"batch_size": preset.batch_size, "validation_data": validation, "verbose": 0}
    if order == "fixed":
        history = model.fit(images, labels, epochs=epochs, shuffle=True, **common).history
    else:
        for epoch in range(1, epochs + 1):
            order_now = epoch_order(seed, epoch, len(images))
            fitted = model.fit(images[order_now], labels[order_now], shuffle=False, **common)
            for name, values in fitted.history.items():
                history.setdefault(name, []).extend(values)
    print(f"{order} {seed}: {history['val_accuracy'][-1]:.4f}", flush=True)
    return {
        "order": order,
        "seed": seed,
        "epochs": epochs,
        **{name: [round(float(value), 5) for value in values] for name, values in history.items()},
    }


class _Recording(keras.Model):
    """Learns nothing; records the images that ``fit`` passes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def train_step(self, data: Any) -> dict[str, Any]:
        self.seen.extend(data[0].numpy().ravel().astype(int).tolist())
        return {"loss": 0.0}


def fit_repeats_its_order(seed: int | None, images: int = 64) -> bool:
    """Return whether ``fit(shuffle=True)`` repeats its order, optionally after a global seed."""
    if seed is not None:
        keras.utils.set_random_seed(seed)
    model = _Recording()
    model.compile(run_eagerly=True)
    model.fit(np.arange(images), np.zeros(images), batch_size=8, epochs=2, shuffle=True, verbose=0)
    return model.seen[:images] == model.seen[images:]


def _print_table(runs: list[dict[str, Any]]) -> None:
    print(f"{'order':8}{'seed':>5}{'end':>9}{'best':>9}{'lowest loss':>13}  at epoch")
    for run in sorted(runs, key=lambda run: (run["order"], run["seed"])):
        losses, accuracies = run["val_loss"], run["val_accuracy"]
        print(
            f"{run['order']:8}{run['seed']:5}{accuracies[-1]:9.4f}{max(accuracies):9.4f}"
            f"{min(losses):13.4f}  {int(np.argmin(losses)) + 1}"
        )
    for order in ("fixed", "fresh"):
        ends = [run["val_accuracy"][-1] for run in runs if run["order"] == order]
        if ends:
            print(f"{order}: median of {len(ends)} {np.median(ends):.4f}")


if __name__ == "__main__":
    main()
