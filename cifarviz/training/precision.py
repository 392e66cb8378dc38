"""Find the precision that trains a network faster on this machine, by timing a few steps.

bfloat16 has 8 bits of precision instead of 24. Processors made for it are several times faster
with it; others emulate it and are slower, so nothing is timed on a processor without instructions
for it. Timings are saved in the home, for the same network, batch size and machine.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from cifarviz.experiment.experiment import Experiment
from cifarviz.network.variables import assign, to_arrays
from cifarviz.processor import has_bfloat16, in_use, machine_name
from cifarviz.runs.artifacts import write_atomically
from cifarviz.training.timing import Precision, Timing
from cifarviz.training.trainable import Trainable

# Seconds that are timed in each precision, and into how many blocks they are divided.
_TIMED_SECONDS = 0.5
_BLOCKS = 5
_MAX_STEPS = 100
# Shorter runs are not worth the time it takes to choose.
_MIN_RUN_SECONDS = 5.0
# Two networks of more parameters do not stay in memory together.
_MAX_PARAMETERS_OF_BOTH = 10_000_000


class TimingsFile:
    """The ``Timings`` of a home, in a file; a damaged file counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, experiment: Experiment) -> Timing | None:
        try:
            entry = self._read()[timing_key(experiment)]
            timing = Timing(entry["float32"], entry["bfloat16"])
            times = [timing.float32] if timing.bfloat16 is None else [*entry.values()]
            return timing if min(times) > 0 else None
        except (KeyError, TypeError):
            return None

    def save(self, experiment: Experiment, timing: Timing) -> None:
        """Save a timing; raises ``StorageFull``."""
        entry = {"float32": timing.float32, "bfloat16": timing.bfloat16}
        text = json.dumps({**self._read(), timing_key(experiment): entry}, indent=1)
        write_atomically(self._path, lambda file: file.write(text.encode()))

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def timing_key(experiment: Experiment) -> str:
    """Return a key of all that a timing depends on: network, batch, processor, TensorFlow."""
    parts = (
        experiment.architecture.model_dump_json(),
        experiment.batch_size,
        machine_name(),
        tf.__version__,
        keras.__version__,
        in_use(),
        sorted((k, v) for k, v in os.environ.items() if k.startswith("ONEDNN_")),
        [device.name for device in tf.config.list_physical_devices("GPU")],
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def choose_precision(
    make: Callable[[Precision], Trainable],
    experiment: Experiment,
    images: int,
    check_stop: Callable[[], None],
) -> tuple[Timing | None, Trainable]:
    """Time steps in both precisions; returns the times and the faster, untrained network.

    ``make`` builds it in a precision, ``images`` are to be trained on, and ``check_stop`` is
    called between steps and may raise. A run that would take less time than the choice gets
    float32, without times.
    """
    exact = make("float32")
    exact_stopwatch = Stopwatch(exact, experiment.batch_size, images, check_stop)
    steps = experiment.epochs * -(-images // exact_stopwatch.batch_size)
    if exact_stopwatch.rough_seconds() * steps < _MIN_RUN_SECONDS:
        exact_stopwatch.restore_weights()
        return None, exact
    keep_both = exact.model.count_params() <= _MAX_PARAMETERS_OF_BOTH
    in_float32: float | None = None
    if not keep_both:
        (in_float32,) = least_seconds([exact_stopwatch], _TIMED_SECONDS)
        del exact, exact_stopwatch
    check_stop()
    try:
        fast = make("bfloat16")
        fast_stopwatch = Stopwatch(fast, experiment.batch_size, images, check_stop)
        fast_stopwatch.rough_seconds()
    except tf.errors.ResourceExhaustedError:
        raise
    except tf.errors.OpError:
        # Some processors cannot compute a convolution in bfloat16.
        if in_float32 is None:
            (in_float32,) = least_seconds([exact_stopwatch], _TIMED_SECONDS)
        return Timing(in_float32, None), exact if keep_both else make("float32")
    if in_float32 is None:
        in_float32, in_bfloat16 = least_seconds([exact_stopwatch, fast_stopwatch], _TIMED_SECONDS)
    else:
        (in_bfloat16,) = least_seconds([fast_stopwatch], _TIMED_SECONDS)
    timing = Timing(in_float32, in_bfloat16)
    if timing.best == "bfloat16":
        return timing, fast
    return timing, exact if keep_both else make("float32")


def lacks_bfloat16() -> bool:
    """Whether it is known, without timing, that bfloat16 is no faster here."""
    return has_bfloat16() is False and not tf.config.list_physical_devices("GPU")


def least_seconds(stopwatches: Sequence["Stopwatch"], timed_seconds: float) -> list[float]:
    """Return the seconds per step of each: the minimum over several blocks, which alternate.

    Each is timed for about ``timed_seconds``. Other programs only add to a block's time, so the
    minimum is closest to the truth; and as the blocks alternate, a busy machine slows all of them.
    """
    blocks = [stopwatch.steps_in(timed_seconds / _BLOCKS) for stopwatch in stopwatches]
    rounds = [
        [stopwatch.seconds(steps) for stopwatch, steps in zip(stopwatches, blocks, strict=True)]
        for _ in range(_BLOCKS)
    ]
    for stopwatch in stopwatches:
        stopwatch.restore_weights()
    return [min(times) for times in zip(*rounds, strict=True)]


class Stopwatch:
    """Times the steps of a network and restores its initial weights afterwards."""

    def __init__(
        self, trainable: Trainable, batch_size: int, images: int, check_stop: Callable[[], None]
    ) -> None:
        self.batch_size = min(batch_size, images)
        self._max_steps = min(_MAX_STEPS, images // self.batch_size)
        self._trainable = trainable
        self._check_stop = check_stop
        self._initial = to_arrays(trainable.model, trainable.optimizer)
        self._warm = False

    def rough_seconds(self) -> float:
        """Return seconds per step, from two steps after the first, which builds the graph."""
        if not self._warm:
            self.seconds(1)
            self._warm = True
        return min(self.seconds(1), self.seconds(1))

    def steps_in(self, seconds: float) -> int:
        """Return how many steps take about so many seconds."""
        return int(np.clip(seconds / self.rough_seconds(), 1, self._max_steps))

    def seconds(self, steps: int) -> float:
        """Return seconds per step, from so many steps in one call."""
        self._check_stop()
        batches = np.arange(steps * self.batch_size).reshape(steps, self.batch_size)
        began = time.perf_counter()
        self._trainable.step(batches, np.zeros(steps, np.float32), 1)
        return (time.perf_counter() - began) / steps

    def restore_weights(self) -> None:
        """Restore the initial weights and optimizer state."""
        assign(self._trainable.model, self._initial, self._trainable.optimizer)
