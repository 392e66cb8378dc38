"""Measure how many runs an hour this computer trains, by how many train at once."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cifarviz import free_memory, processor
from cifarviz.errors import TuneUpFailed
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import RunState
from cifarviz.settings import LOCAL, Settings

PRESET = "cifar10-starter"
"""A small network, which has little use for many cores."""
_EPOCHS, _TRAIN_IMAGES = 2, 2000
# Runs that each place trains in turn, of which the start counts, too.
_RUNS_EACH = 2
_ROUNDS = 2


def sensible_numbers() -> list[int]:
    """Return 1, 2, 4, … as far as there are cores, and memory free for each."""
    numbers = [2**power for power in range(processor.usable_cores().bit_length())]
    free = free_memory.available_bytes()
    return [n for n in numbers if n == 1 or free is None or n * free_memory.RUN_BYTES <= free]


def measure_runs_an_hour(
    settings: Settings, numbers: Sequence[int], on_next: Callable[[int, float], None]
) -> dict[int, float]:
    """Return runs an hour by how many train at once, the best of two rounds.

    Short runs of a preset on the embedded sample, in temporary homes. ``on_next`` is told each
    number first, and what share is done. Raises ``TuneUpFailed``.
    """
    rates = dict.fromkeys(numbers, 0.0)
    for done, number in enumerate([*numbers] * _ROUNDS):
        on_next(number, done / (_ROUNDS * len(numbers)))
        with _temporary_home(settings) as home:
            own = replace(settings, home=home, executor=LOCAL, runs_at_once=number)
            worker = Worker(own, "command line")
            # Processes and TensorFlow start with the first runs.
            _train(worker, number, _experiment(1))
            runs = _RUNS_EACH * number
            rate = 3600 * runs / _train(worker, runs, _experiment(_EPOCHS))
            rates[number] = max(rates[number], rate)
    return rates


@contextmanager
def _temporary_home(settings: Settings) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="cifarviz-runs-at-once-", ignore_cleanup_errors=True
    ) as folder:
        # With the use of the processor that a tune-up has found.
        tuned = settings.home / processor.TUNED_FILE
        if tuned.exists():
            shutil.copy(tuned, folder)
        yield Path(folder)


def _experiment(epochs: int) -> Experiment:
    published = dict(PRESETS[PRESET].experiment)
    data = Data.make(variant="sample", train_images=_TRAIN_IMAGES)
    fields = {"data": data, "epochs": epochs, "precision": "float32", "early_stopping": None}
    return Experiment.make(**{**published, **fields})


def _train(worker: Worker, runs: int, experiment: Experiment) -> float:
    """Train so many runs; returns the seconds until the last has ended."""
    began = time.monotonic()
    for run in [worker.submit(experiment, f"run {number}") for number in range(runs)]:
        ended = worker.wait(run.id)
        if ended.state is not RunState.FINISHED:
            raise TuneUpFailed(
                "A run could not be trained while runs at once were measured: {message} Nothing "
                "was changed.",
                message=ended.message or ended.state,
            )
    return time.monotonic() - began
