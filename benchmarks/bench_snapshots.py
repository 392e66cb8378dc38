"""The cost of snapshots: ``cifar10-vgg`` with and without them, alternately.

On the embedded sample, five epochs: weights are saved before the first and after the first four,
predictions after each. Runs on the full set save as many files and take ten times as long.

    python -m benchmarks.bench_snapshots [ROUNDS]
"""

import sys
from contextlib import ExitStack
from statistics import median

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.snapshots import snapshot_bytes

_EPOCHS = 5
_LIMIT = 1.03


def main() -> None:
    """Print the ratio of the runs' seconds and write it to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with ExitStack() as stack:
        workers = {
            "with": stack.enter_context(worker_in_own_home()),
            "without": stack.enter_context(worker_in_own_home(run_budget=0)),
        }
        for worker in workers.values():
            _seconds(worker)  # the first run of a process traces and chooses the precision
        seconds: dict[str, list[float]] = {name: [] for name in workers}
        for number in range(rounds):
            # Alternately, each first equally often.
            for name in sorted(workers, reverse=bool(number % 2)):
                seconds[name].append(_seconds(workers[name]))
        store = workers["with"].store
        size = snapshot_bytes(store.folder(store.all()[0].id))
    ratios = [a / b for a, b in zip(seconds["with"], seconds["without"], strict=True)]
    print(f"{machine_name()}; cifar10-vgg, sample, {_EPOCHS} epochs; medians of {rounds}")
    print(
        f"{median(seconds['with']):.2f} s with snapshots ({size / 1e6:.1f} MB), "
        f"{median(seconds['without']):.2f} s without: {median(ratios):.3f} (limit {_LIMIT})"
    )
    write_results(
        "snapshots",
        "python -m benchmarks.bench_snapshots",
        {"seconds": seconds, "ratios": ratios, "bytes": size},
    )


def _seconds(worker: Worker) -> float:
    preset = PRESETS["cifar10-vgg"].experiment
    experiment = Experiment.make(
        **{**dict(preset), "data": Data.make(variant="sample"), "epochs": _EPOCHS}
    )
    return worker.wait(worker.submit(experiment, "benchmark").id).seconds


if __name__ == "__main__":
    main()
