"""Accuracy and seconds of ``cifar10-94``, and of recipes before it.

    python -m benchmarks.bench_94 test [SEEDS] [PRESET]   the 10,000 test images, asked once a run
    python -m benchmarks.bench_94 curve [PRESET]          5,000 held-back images after each epoch

``test`` trains on all 50,000 images and prints the seconds from the start of work to the last
checkpoint. ``curve`` trains on 45,000 and prints the seconds of training alone, without measuring.
They need the full CIFAR-10 in ``CIFARVIZ_HOME``, and minutes for each run.
"""

import sys
from datetime import UTC, datetime
from statistics import mean, median
from typing import Any

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import results_folder, write_results
from benchmarks.rows import read_results
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data.library import load, status
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.settings import Settings

_HELD_BACK = SplitValidation(fraction=0.1, seed=42)


def main() -> None:
    """Run what was asked for, and write it to the results."""
    if not status("cifar10", Settings.from_environment()).full_available:
        print("The full CIFAR-10 is missing: python -m cifarviz data fetch cifar10")
        return
    print(machine_name(), flush=True)
    what, *words = sys.argv[1:] or ["test"]
    names = [word for word in words if word in PRESETS] or ["cifar10-94"]
    counts = [int(word) for word in words if word.isdecimal()] or [3]
    if what not in ("test", "curve") or any(
        word not in PRESETS and not word.isdecimal() for word in words
    ):
        raise SystemExit(__doc__)
    with worker_in_own_home() as worker:
        for name in names:
            if what == "curve":
                _save("accuracy_curve", f"curve {name}", name, {"epochs": _curve(worker, name)})
            else:
                seeds = range(1, 1 + counts[0])
                _save("test_accuracy", f"test {counts[0]} {name}", name, _test(worker, name, seeds))


def _test(worker: Worker, name: str, seeds: range) -> dict[str, Any]:
    test = load("cifar10", "full", worker.settings).test
    accuracies, seconds = [], []
    for seed in seeds:
        experiment = Experiment.make(**{**dict(PRESETS[name].experiment), "seed": seed})
        run = worker.wait(worker.submit(experiment, name).id)
        if run.message:
            raise SystemExit(run.message)
        predictions = open_checkpoint(worker.store, run, "last").predictions(test.images)
        hits = predictions.log_probabilities.argmax(1) == test.labels
        accuracies.append(float(hits.mean()))
        seconds.append(run.seconds)
        print(f"{name}, seed {seed}: {hits.mean():.2%} in {run.seconds:.0f} s", flush=True)
    print(f"{name}: mean {mean(accuracies):.2%}, median {median(seconds):.0f} s", flush=True)
    return {"accuracies": accuracies, "seconds": seconds, "precision": run.precision}


def _curve(worker: Worker, name: str) -> list[list[float]]:
    """Return seconds of training and held-back accuracy after each epoch."""
    preset = PRESETS[name].experiment
    experiment = Experiment.make(**{**dict(preset), "validation": _HELD_BACK})
    run = worker.wait(worker.submit(experiment, name).id)
    if run.message or not run.images_per_second or not run.train_images:
        raise SystemExit(run.message)
    an_epoch = run.train_images / run.images_per_second
    points = []
    for epoch in worker.store.epochs(run.id):
        points.append([epoch.epoch * an_epoch, epoch.val_accuracy or 0.0])
        print(f"{name}, epoch {epoch.epoch}: {points[-1][1]:.2%} after {points[-1][0]:.0f} s")
    return points


def _save(file: str, arguments: str, name: str, content: dict[str, Any]) -> None:
    earlier = read_results(results_folder().name, file) or {"recipes": {}}
    command = f"python -m benchmarks.bench_94 {arguments}"
    dated = {"command": command, "date": datetime.now(UTC).date().isoformat(), **content}
    write_results(file, command, {"recipes": {**earlier["recipes"], name: dated}})


if __name__ == "__main__":
    main()
