"""How long the learning-rate finder takes for each preset, and whether its rate is a good one.

On the full set where it is in ``CIFARVIZ_HOME``, else on the sample. With ``--train`` each preset
is trained, too: for 3 epochs on 10,000 images (the sample: 5,000), with the published rate, the
suggested one and its tenth, third and threefold, tested on the test images.

    python -m benchmarks.bench_learning_rate [PRESET…] [--train]
"""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.data import library
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.training.rate_finder import find_learning_rate

LIMIT = 20.0  # seconds
_FACTORS = (0.1, 0.3, 1.0, 3.0)
_EPOCHS, _IMAGES = 3, 10_000


def main() -> None:
    """Print a line a preset, and write all to the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--train", action="store_true")
    options = parser.parse_args()
    print(f"{machine_name()}; limit {LIMIT:.0f} s", flush=True)
    rows = {}
    with worker_in_own_home() as worker:
        for name in options.presets:
            rows[name] = row = _found(worker, name)
            missed = "" if row["seconds"] <= LIMIT else " (MISSED)"
            print(
                f"{name:20}{row['seconds']:6.1f} s{missed}, {row['steps']} steps, suggested "
                f"{row['suggested']}, steepest {row['steepest'] or 0:.2g}, published "
                f"{row['published']}",
                flush=True,
            )
            if options.train and row["suggested"] is not None:
                row["accuracies"] = _accuracies(worker, name, row["suggested"], row["published"])
    command = f"python -m benchmarks.bench_learning_rate{' --train' * options.train}"
    write_results("learning_rate", command, {"limit": LIMIT, "presets": rows})


def _experiment(worker: Worker, name: str) -> Experiment:
    experiment = PRESETS[name].experiment
    here = library.available_variants(experiment.data.dataset, worker.settings)
    variant = "full" if "full" in here else "sample"
    return experiment.model_copy(
        update={"data": experiment.data.model_copy(update={"variant": variant})}
    )


def _found(worker: Worker, name: str) -> dict[str, Any]:
    experiment = _experiment(worker, name)
    data = library.load(experiment.data.dataset, experiment.data.variant, worker.settings)
    began = time.monotonic()
    test = find_learning_rate(worker.store, experiment, data)
    return {
        "data": experiment.data.variant,
        "seconds": time.monotonic() - began,
        "steps": len(test.losses),
        "suggested": test.suggested,
        "steepest": test.steepest,
        "published": experiment.optimizer.learning_rate,
    }


def _accuracies(
    worker: Worker, name: str, suggested: float, published: float
) -> Mapping[str, float | None]:
    """Return the test accuracy by learning rate; ``None`` where training diverged."""
    found = {}
    for rate in sorted({published, *(float(f"{suggested * part:.2g}") for part in _FACTORS)}):
        experiment = _experiment(worker, name)
        available, _ = library.image_counts(experiment.data.dataset, experiment.data.variant)
        changed = Experiment.make(
            **{
                **dict(experiment),
                "data": experiment.data.model_copy(
                    update={"train_images": min(_IMAGES, available)}
                ),
                "optimizer": experiment.optimizer.model_copy(update={"learning_rate": rate}),
                "validation": TestValidation(),
                "epochs": _EPOCHS,
                "early_stopping": None,
                "test_epochs": (),
                "tensorboard": False,
                "precision": "float32",
            }
        )
        run = worker.wait(worker.submit(changed, f"{name} {rate:g}").id)
        epochs = worker.store.epochs(run.id)
        finished = len(epochs) == _EPOCHS
        found[f"{rate:g}"] = epochs[-1].val_accuracy if finished else None
        print(f"{'':20}{rate:8g}: {found[f'{rate:g}']}", flush=True)
    return found


if __name__ == "__main__":
    main()
