"""A process that times training steps, with the use of the processor its environment asks for.

For each preset named it prints a line: the name and images a second in float32, on the embedded
sample. ``tune_up.py`` starts it; ``--quiet`` gives everything else on the computer precedence.
"""

import os
import sys

from cifarviz.data import library
from cifarviz.experiment.presets import PRESETS
from cifarviz.settings import Settings
from cifarviz.training.plan import make_plan
from cifarviz.training.precision import Stopwatch, least_seconds
from cifarviz.training.step import TrainingTensors
from cifarviz.training.trainable import make_trainable

_LOWEST_PRIORITY = 19
_SECONDS = 2.0


def main(arguments: list[str]) -> None:
    """Time the presets named in ``arguments``."""
    if "--quiet" in arguments and hasattr(os, "nice"):
        os.nice(_LOWEST_PRIORITY)
    for name in arguments:
        if name != "--quiet":
            print(name, _images_per_second(name), flush=True)


def _images_per_second(preset: str) -> float:
    published = PRESETS[preset].experiment
    data = published.data.model_copy(update={"variant": "sample"})
    experiment = published.model_copy(update={"data": data})
    plan = make_plan(experiment, library.load(data.dataset, "sample", Settings.from_environment()))
    trainable = make_trainable(experiment, plan, TrainingTensors(plan.train), "float32")
    stopwatch = Stopwatch(trainable, experiment.batch_size, len(plan.train), lambda: None)
    (seconds,) = least_seconds([stopwatch], _SECONDS)
    return stopwatch.batch_size / seconds


if __name__ == "__main__":
    main(sys.argv[1:])
