"""A process that times training steps, with the use of the processor its environment asks for.

For each preset named it prints a line: the name and images a second in float32, on the embedded
sample. ``--precisions`` finds the faster precision instead, and stores it where the engine looks.
``tune_up.py`` starts it. It ends when its standard input is closed.
"""

import os
import sys
import threading
from functools import partial

from cifarviz.data import library
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.settings import Settings
from cifarviz.training.plan import Plan, make_plan
from cifarviz.training.precision import (
    Stopwatch,
    TimingsFile,
    choose_precision,
    least_seconds,
)
from cifarviz.training.step import TrainingTensors
from cifarviz.training.trainable import make_trainable

_SECONDS = 2.0


def main(arguments: list[str]) -> None:
    """Time the presets named in ``arguments``."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work = _time_precisions if "--precisions" in arguments else _time_steps
    settings = Settings.from_environment()
    for name in arguments:
        if not name.startswith("--"):
            work(name, settings)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _time_steps(preset: str, settings: Settings) -> None:
    experiment, plan, images = _prepare(preset, settings)
    trainable = make_trainable(experiment, plan, images, "float32")
    stopwatch = Stopwatch(trainable, experiment.batch_size, len(plan.train), lambda: None)
    (seconds,) = least_seconds([stopwatch], _SECONDS)
    print(preset, stopwatch.batch_size / seconds, flush=True)


def _time_precisions(preset: str, settings: Settings) -> None:
    experiment, plan, images = _prepare(preset, settings)
    timings = TimingsFile(settings.home / "precision.json")
    if timings.find(experiment) is None:
        timing, _ = choose_precision(
            partial(make_trainable, experiment, plan, images),
            experiment,
            len(plan.train),
            lambda: None,
        )
        if timing is not None:
            timings.save(experiment, timing)
    print(preset, flush=True)


def _prepare(preset: str, settings: Settings) -> tuple[Experiment, Plan, TrainingTensors]:
    published = PRESETS[preset].experiment
    data = published.data.model_copy(update={"variant": "sample"})
    experiment = published.model_copy(update={"data": data})
    plan = make_plan(experiment, library.load(data.dataset, "sample", settings))
    return experiment, plan, TrainingTensors(plan.train)


if __name__ == "__main__":
    main(sys.argv[1:])
