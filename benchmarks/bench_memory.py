"""Memory of the process that trains: at its highest on the full set, and growth from run to run.

    python -m benchmarks.bench_memory [RUNS]

The first figure needs the full CIFAR-10 in ``CIFARVIZ_HOME``; without it, it is left out. Linux
only: it reads /proc.
"""

import multiprocessing
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.data.library import status
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.machine import machine_name
from cifarviz.settings import Settings

_SHORT_IMAGES = 256
# The first runs fill caches and pools that later ones use again.
_SETTLED = 10
_HIGHEST_MB, _GROWTH_MB = 2500, 5.0


def main() -> None:
    """Print both figures and write them to the results."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print(machine_name())
    found: dict[str, object] = {}
    if status("cifar10", Settings.from_environment()).full_available:
        highest = _in_own_process(_highest, 0)[0]
        found["highest_mb"] = round(highest)
        print(
            f"cifar10-vgg, full set, one epoch: at most {highest:,.0f} MB (limit {_HIGHEST_MB:,})"
        )
    else:
        print("The full CIFAR-10 is not here, so its memory is not measured.")
    sizes = _in_own_process(_sizes, runs)
    later = np.arange(_SETTLED, len(sizes))
    growth = float(np.polyfit(later, np.array(sizes)[_SETTLED:], 1)[0])
    found |= {
        "runs": runs,
        "growth_mb_a_run": round(growth, 2),
        "sizes_mb": np.round(sizes, 1).tolist(),
    }
    print(
        f"{runs} short runs in one process: {sizes[0]:,.0f} MB after the first, "
        f"{sizes[-1]:,.0f} MB after the last, {growth:.2f} MB a run "
        f"after the first {_SETTLED} (limit {_GROWTH_MB})"
    )
    write_results("memory", "python -m benchmarks.bench_memory", found)


def _in_own_process(work: object, argument: int) -> list[float]:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, argument))  # type: ignore[arg-type]
    process.start()
    theirs.close()
    answer: list[float] = mine.recv()
    process.join()
    return answer


def _highest(answer: Connection, _: int) -> None:
    with worker_in_own_home() as worker:
        _train(worker, Data.make(variant="full"), 1)
        answer.send([_status_mb("VmHWM")])


def _sizes(answer: Connection, runs: int) -> None:
    found = []
    with worker_in_own_home() as worker:
        for _ in range(runs):
            _train(worker, Data.make(variant="sample", train_images=_SHORT_IMAGES), 1)
            found.append(_status_mb("VmRSS"))
        answer.send(found)


def _train(worker: Worker, data: Data, epochs: int) -> None:
    preset = PRESETS["cifar10-vgg"].experiment
    experiment = Experiment.make(**{**dict(preset), "data": data, "epochs": epochs})
    run = worker.wait(worker.submit(experiment, "memory").id)
    if run.message:
        raise SystemExit(run.message)


def _status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc/self/status has no {name}.")


if __name__ == "__main__":
    main()
