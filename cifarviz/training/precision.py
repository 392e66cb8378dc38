"""Which precision trains this network faster on this machine: found by timing a few steps.

bfloat16 calculates with 8 bits of precision instead of 24. Processors made for it are several
times faster with it; others imitate it and are slower. What was found is kept in the home, for
the same network, batch size and machine.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from cifarviz.experiment.experiment import Experiment
from cifarviz.network.variables import assign, to_arrays
from cifarviz.runs.artifacts import write_atomically
from cifarviz.runs.machine import machine_name
from cifarviz.training.timing import Precision, Timing
from cifarviz.training.trainable import Trainable

# Seconds of steps in each precision that are timed, and into how many calls they are cut.
_TIMED = 0.3
_CALLS = 3
_MOST_STEPS = 100
# Seconds that a run must take for the choice to be worth its time.
_WORTH_IT = 5.0
# Two networks of more parameters than this are not kept side by side.
_KEEP_BOTH = 10_000_000


class Timings:
    """The file that keeps what was timed. A damaged one is as good as none."""

    def __init__(self, home: Path) -> None:
        self._path = home / "precision.json"

    def find(self, experiment: Experiment) -> Timing | None:
        try:
            entry = self._read()[key(experiment)]
            timing = Timing(entry["float32"], entry["bfloat16"])
            times = [timing.float32] if timing.bfloat16 is None else [*entry.values()]
            return timing if min(times) > 0 else None
        except (KeyError, TypeError):
            return None

    def keep(self, experiment: Experiment, timing: Timing) -> None:
        """Raises ``StorageFull``."""
        entry = {"float32": timing.float32, "bfloat16": timing.bfloat16}
        text = json.dumps({**self._read(), key(experiment): entry}, indent=1)
        write_atomically(self._path, lambda file: file.write(text.encode()))

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def key(experiment: Experiment) -> str:
    """What a timing holds for: network, batch size, processor, TensorFlow and its settings."""
    parts = (
        experiment.architecture.model_dump_json(),
        experiment.batch_size,
        machine_name(),
        tf.__version__,
        keras.__version__,
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
        sorted((k, v) for k, v in os.environ.items() if k.startswith(("ONEDNN_", "TF_ENABLE_"))),
        [device.name for device in tf.config.list_physical_devices("GPU")],
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def choose(
    make: Callable[[Precision], Trainable],
    experiment: Experiment,
    images: int,
    look: Callable[[], None],
) -> tuple[Timing | None, Trainable]:
    """Time steps in both precisions; give the times and the network of the faster, as it was made.

    ``make`` builds it in a precision, ``images`` are to be trained on, and ``look`` is called
    between steps: what it raises ends the choice. Where the whole run would be over before, it is
    float32, without times.
    """
    exact = make("float32")
    stopwatch = _Stopwatch(exact, experiment.batch_size, images, look)
    steps = experiment.epochs * -(-images // stopwatch.batch_size)
    if stopwatch.roughly() * steps < _WORTH_IT:
        stopwatch.put_back()
        return None, exact
    in_float32 = stopwatch.seconds_per_step()
    kept = exact if exact.model.count_params() <= _KEEP_BOTH else None
    del exact, stopwatch
    look()
    fast: Trainable | None = None
    in_bfloat16: float | None = None
    try:
        fast = make("bfloat16")
        in_bfloat16 = _Stopwatch(fast, experiment.batch_size, images, look).seconds_per_step()
    except tf.errors.ResourceExhaustedError:
        raise
    except tf.errors.OpError:
        # Some processors have no way to calculate a convolution in it.
        fast = None
    timing = Timing(in_float32, in_bfloat16)
    if fast is not None and timing.best == "bfloat16":
        return timing, fast
    return timing, kept or make("float32")


class _Stopwatch:
    """Times the steps of a network, which has its first weights again afterwards."""

    def __init__(
        self, trainable: Trainable, batch_size: int, images: int, look: Callable[[], None]
    ) -> None:
        self.batch_size = min(batch_size, images)
        self._most = min(_MOST_STEPS, images // self.batch_size)
        self._trainable = trainable
        self._look = look
        self._before = to_arrays(trainable.model, trainable.optimizer)

    def roughly(self) -> float:
        """Seconds a step, by two of them after the first, which builds the graph."""
        self._run(1)
        return min(self._run(1), self._run(1))

    def seconds_per_step(self) -> float:
        """The median of several calls of several steps each."""
        steps = int(np.clip(_TIMED / _CALLS / self.roughly(), 1, self._most))
        found = median(self._run(steps) for _ in range(_CALLS))
        self.put_back()
        return found

    def put_back(self) -> None:
        """Undo what the steps have changed."""
        assign(self._trainable.model, self._before, self._trainable.optimizer)

    def _run(self, steps: int) -> float:
        self._look()
        batches = np.arange(steps * self.batch_size).reshape(steps, self.batch_size)
        began = time.perf_counter()
        self._trainable.step(batches, np.zeros(steps, np.float32), 1)
        return (time.perf_counter() - began) / steps
