"""Seconds from a stop request to the state "stopped", with weights saved.

``cifar10-vgg`` on the full set if it is in ``CIFARVIZ_HOME``, else on the sample, with 2,000
training images, so that validation takes about half of the time; each run is stopped at a random
moment, during training or validation.

    python -m benchmarks.bench_stop [TRIES]
"""

import sys
import time

import numpy as np

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.data.library import status
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.states import Action
from cifarviz.settings import Settings


def main() -> None:
    """Print a table of the latencies in seconds by phase."""
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    full = status("cifar10", Settings.from_environment()).full_available
    with worker_in_own_home() as worker:
        stops = _measure(worker, "full" if full else "sample", tries)
    print(f"{machine_name()}; cifar10-vgg, {'full set' if full else 'sample'}, {tries} stops")
    print(f"{'stopped during':16}{'stops':>6}{'median':>9}{'p95':>9}{'longest':>9}  seconds")
    for phase in sorted({phase for phase, _ in stops}):
        _row(phase, [seconds for at, seconds in stops if at == phase])
    _row("all", [seconds for _, seconds in stops])
    write_results("stop", "python -m benchmarks.bench_stop", {"full": full, "stops": stops})


def _measure(worker: Worker, variant: str, tries: int) -> list[tuple[str, float]]:
    store = worker.store
    preset = PRESETS["cifar10-vgg"].experiment
    experiment = Experiment.make(
        **{**dict(preset), "data": Data.make(variant=variant, train_images=2000)}
    )
    moments = np.random.default_rng(0).uniform(0, 6, tries)
    stops = []
    for moment in moments:
        run = worker.submit(experiment, "stop")
        while not len(store.batch_points(run.id)):
            time.sleep(0.02)
        time.sleep(moment)
        progress = store.get(run.id).progress
        requested = time.monotonic()
        store.request(run.id, Action.STOP)
        while store.get(run.id).state.active:
            time.sleep(0.005)
        stops.append((progress.phase if progress else "preparing", time.monotonic() - requested))
    return stops


def _row(name: str, seconds: list[float]) -> None:
    median, p95 = np.percentile(seconds, (50, 95))
    print(f"{name:16}{len(seconds):6}{median:9.2f}{p95:9.2f}{max(seconds):9.2f}")


if __name__ == "__main__":
    main()
