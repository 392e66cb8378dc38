"""Accuracy in bfloat16 and float32: ``cifar10-vgg``, 10 epochs, the same three seeds.

The mean validation accuracies after the last epoch may differ by at most the larger of the two
standard deviations. It takes about half an hour.

    python -m benchmarks.bench_precision_accuracy

Finished runs in ``CIFARVIZ_HOME``, which needs the full CIFAR-10, are reused.
"""

from statistics import mean, stdev

from benchmarks.results_file import write_results
from cifarviz.data.library import status
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings

_SEEDS = (1, 2, 3)
_EPOCHS = 10
_NAME = "precision benchmark"


def main() -> None:
    """Print both means with their deviations and write them to the results."""
    settings = Settings.from_environment()
    if not status("cifar10", settings).full_available:
        print("The full CIFAR-10 is missing: python -m cifarviz data fetch cifar10")
        return
    worker = Worker(settings, "command line")
    print(machine_name())
    results: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for seed in _SEEDS:
        for precision, accuracies in results.items():
            accuracies.append(_accuracy(worker, seed, precision))
            print(f"seed {seed}, {precision}: {accuracies[-1]:.2%}", flush=True)
    means = {precision: mean(values) for precision, values in results.items()}
    deviations = {precision: stdev(values) for precision, values in results.items()}
    for precision in results:
        print(f"{precision}: mean {means[precision]:.2%}, deviation {deviations[precision]:.2%}")
    difference = means["bfloat16"] - means["float32"]
    allowed = max(deviations.values())
    print(f"difference {difference:+.2%}, at most {allowed:.2%}: {abs(difference) <= allowed}")
    write_results(
        "precision_accuracy",
        "python -m benchmarks.bench_precision_accuracy",
        {"val_accuracy": results, "difference": difference, "allowed": allowed},
    )


def _accuracy(worker: Worker, seed: int, precision: str) -> float:
    preset = PRESETS["cifar10-vgg"].experiment
    changes = {"seed": seed, "precision": precision, "epochs": _EPOCHS}
    experiment = Experiment.make(**{**dict(preset), **changes})
    finished = [
        run
        for run in worker.store.all()
        if run.name == _NAME and run.state is RunState.FINISHED and run.experiment == experiment
    ]
    run = finished[0] if finished else worker.wait(worker.submit(experiment, _NAME).id)
    if run.state is not RunState.FINISHED:
        raise SystemExit(f"Run {run.id} is {run.state}: {run.message}")
    return worker.store.epochs(run.id)[-1].val_accuracy or 0.0


if __name__ == "__main__":
    main()
