"""Runs an hour with 1, 2, 4, … runs at once on this computer, each on its share of the cores.

    python -m benchmarks.bench_runs_at_once [PRESET] [EPOCHS] [ROUNDS]

With 1 they train in a thread, with more each in a process. They take turns: every place trains a
short run, untimed, and then all of them train equally many runs of the preset on the sample. The
time is from the first submission to the last end, with each run's start in it. The memory is that
of the program and its processes at the end, as far as the system tells.
"""

import os
import sys
import time
from statistics import median

from benchmarks.alternating import Contender, measure
from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz import free_memory
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name, usable_cores

_CONTENDER = "--contender"


def main() -> None:
    """Print runs an hour for each number, and write them to the results."""
    if _CONTENDER in sys.argv:
        at_once, runs = map(int, sys.argv[2:4])
        _contend(at_once, runs, sys.argv[4], int(sys.argv[5]))
        return
    defaults = ("cifar10-starter", "4", "3")
    preset, epochs, rounds = (*sys.argv[1:], *defaults[len(sys.argv) - 1 :])
    numbers = [2**power for power in range(usable_cores().bit_length())]
    most = max(numbers)
    module = "benchmarks.bench_runs_at_once"
    arguments = [(_CONTENDER, str(number), str(most), preset, epochs) for number in numbers]
    spreads = measure([Contender(each[1], module, each) for each in arguments], int(rounds))
    print(f"{machine_name()}; {preset} on the sample, {epochs} epochs, {most} runs a round")
    print(f"{'at once':>8}{'runs an hour':>14}{'ratio':>8}{'GB in all':>11}")
    # Each round has two numbers.
    hours = {name: spread.values[::2] for name, spread in spreads.items()}
    results = {}
    for name, spread in spreads.items():
        ratios = [mine / alone for mine, alone in zip(hours[name], hours["1"], strict=True)]
        gigabytes = spread.values[1::2]
        results[name] = {"runs_an_hour": hours[name], "ratios": ratios, "gigabytes": gigabytes}
        print(f"{name:>8}{median(hours[name]):14.0f}{median(ratios):8.2f}{max(gigabytes):11.2f}")
    write_results(
        "runs_at_once",
        f"python -m {module} {preset} {epochs} {rounds}",
        {"preset": preset, "epochs": int(epochs), "runs": most, "at_once": results},
    )


def _experiment(preset: str, epochs: int) -> Experiment:
    """Return a preset on the sample, in one precision and to its last epoch."""
    fields = {"data": Data.make(variant="sample"), "epochs": epochs, "precision": "float32"}
    return Experiment.make(**{**dict(PRESETS[preset].experiment), **fields, "early_stopping": None})


def _contend(at_once: int, runs: int, preset: str, epochs: int) -> None:
    with worker_in_own_home(runs_at_once=at_once) as worker:
        print("ready", flush=True)
        for _ in sys.stdin:
            # Processes that waited for their turn have ended.
            _train(worker, at_once, _experiment(preset, 1))
            seconds = _train(worker, runs, _experiment(preset, epochs))
            print(3600 * runs / seconds, _gigabytes(worker), flush=True)


def _train(worker: Worker, runs: int, experiment: Experiment) -> float:
    began = time.monotonic()
    queued = [worker.submit(experiment, f"run {number}") for number in range(runs)]
    for run in queued:
        ended = worker.wait(run.id)
        if ended.message:
            raise SystemExit(f"A run did not finish: {ended.message}")
    return time.monotonic() - began


def _gigabytes(worker: Worker) -> float:
    """Return the memory of the process that queues, and of those that train for it."""
    processes = (os.getpid(), *worker.training_processes)
    return sum(free_memory.used_bytes(process) or 0 for process in processes) / 1e9


if __name__ == "__main__":
    main()
