"""Find a learning rate: make a range test, and discard what it has trained.

The test is as long as this computer makes within some seconds, since a person waits for it.
"""

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Dataset
from cifarviz.errors import TransitionRefused
from cifarviz.experiment.experiment import Experiment
from cifarviz.network.variables import assign, to_arrays
from cifarviz.runs.store import RunStore
from cifarviz.training.fork_start import load_transferred
from cifarviz.training.local_places import OTHERS_FIRST, acquire_slot, has_runs_of_others
from cifarviz.training.plan import Plan, epoch_order, make_plan
from cifarviz.training.precision import Stopwatch, TimingsFile
from cifarviz.training.range_test import STEPS, RangeTest, for_range_test, rising_rates
from cifarviz.training.speed import SpeedMeter
from cifarviz.training.step import TrainingTensors
from cifarviz.training.timing import Precision
from cifarviz.training.trainable import Trainable, make_trainable, training_failures

# Seconds that a test may take, building the network included: with the start of TensorFlow, up to
# 5 s on two slow cores, it ends within 20 s.
_SECONDS = 15.0


def find_learning_rate(
    store: RunStore,
    experiment: Experiment,
    data: Dataset,
    on_progress: Callable[[RangeTest], None] = lambda test: None,
    *,
    steps: int | None = None,
) -> RangeTest:
    """Make the range test of an experiment; nothing of it is stored.

    It takes the place in which a run would train, so that neither slows the other. ``on_progress``
    gets the test so far, about every 0.15 s, and may raise to end it. Without ``steps`` it has as
    many as this computer makes within 15 s. Raises ``TransitionRefused`` while a run trains, or
    one of another person waits, ``TrainingFailed``, ``ExperimentInvalid`` and, for weights of
    another run, what ``load_transferred`` does.
    """
    if has_runs_of_others(store):
        raise TransitionRefused(OTHERS_FIRST)
    slot = acquire_slot(store)
    if slot is None:
        raise TransitionRefused(
            "A run is training on this computer, or another learning rate is being found. Wait "
            "until it has ended, or stop it, and try again."
        )
    try:
        start = load_transferred(store, experiment)
        precision = _precision(experiment, TimingsFile(store.settings.home / "precision.json"))
        return make_range_test(
            experiment, data, on_progress, steps=steps, precision=precision, start=start
        )
    finally:
        slot.release()


def _precision(experiment: Experiment, timings: TimingsFile) -> Precision:
    """Return the precision of a run; float32 where that would first have to be timed."""
    if experiment.precision != "auto":
        return experiment.precision
    timing = timings.find(experiment)
    return "float32" if timing is None else timing.best


def make_range_test(
    experiment: Experiment,
    data: Dataset,
    on_progress: Callable[[RangeTest], None] = lambda test: None,
    *,
    steps: int | None = None,
    precision: Precision = "float32",
    start: Mapping[str, NDArray[np.float32]] | None = None,
) -> RangeTest:
    """Train a new network with rising learning rates until its loss diverges.

    ``start`` are weights of its first layers, if they are not to be random. The rest is as in
    ``find_learning_rate``.
    """
    began = time.monotonic()
    experiment = for_range_test(experiment)
    plan = make_plan(experiment, data)
    with training_failures(lambda: precision):
        trainable = make_trainable(experiment, plan, TrainingTensors(plan.train), precision)
        if start:
            assign(trainable.model, to_arrays(trainable.model) | dict(start))
        stopwatch = Stopwatch(
            trainable,
            plan.batch_size,
            len(plan.train),
            lambda: on_progress(RangeTest(np.empty(0))),
        )
        seconds_per_step = stopwatch.rough_seconds()
        stopwatch.restore_weights()
        left = _SECONDS - (time.monotonic() - began)
        planned = steps or _planned_steps(left / seconds_per_step)
        test = RangeTest(rising_rates(experiment.optimizer, planned))
        for losses in _losses(trainable, test.rates, _batches(experiment, plan, planned)):
            test = test.extended(losses, time.monotonic() - began)
            on_progress(test)
            if test.diverged:
                break
    return test


def _planned_steps(affordable: float) -> int:
    return next((steps for steps in STEPS if steps <= affordable), STEPS[-1])


def _batches(experiment: Experiment, plan: Plan, steps: int) -> NDArray[np.int64]:
    """Return positions in the training images, (steps, b): the full batches of a run's epochs."""
    size = plan.batch_size
    full = len(plan.train) // size
    labels = plan.train.labels if experiment.data.class_balance == "resampling" else None
    epochs = range(1, 1 + -(-steps // full))
    orders = [epoch_order(experiment.seed, epoch, len(plan.train), labels) for epoch in epochs]
    batches = np.concatenate([order[: full * size].reshape(full, size) for order in orders])
    return batches[:steps]


def _losses(
    trainable: Trainable, rates: NDArray[np.float64], batches: NDArray[np.int64]
) -> Iterator[NDArray[np.float32]]:
    """Train, and yield the losses of each call of the compiled step."""
    speed, done = SpeedMeter(), 0
    while done < len(batches):
        part = batches[done : done + speed.chunk]
        began = time.monotonic()
        losses, _accuracy = trainable.step(part, rates[done : done + len(part)], done + 1)
        speed.add(1, part.size, len(part), time.monotonic() - began)
        done += len(part)
        yield losses
