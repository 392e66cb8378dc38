"""Estimate how long an epoch takes, from the speeds of earlier runs on this machine.

A training step is taken to cost a fixed time (``_STEP``: starting the step, updating the
weights) plus its images' multiply-adds at a rate that earlier runs reached. Networks of different
sizes reach different rates, so the less similar the earlier runs are, the wider the estimate.
Without any runs, the rate lies between fixed bounds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log2, sqrt
from statistics import fmean, median
from typing import Literal

from cifarviz.data.library import image_counts
from cifarviz.errors import ExperimentInvalid, UnknownFormat
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.archive import IMPORTED
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.training.plan import tracked_image_count
from cifarviz.training.timing import PRECISIONS, SHORT_RUN

# Seconds a step costs beside its multiply-adds. Measured on 2 cores with the presets and six
# other networks at batches of 4 to 256: 0.5 to 4 ms.
_STEP_SECONDS = 0.002
# Multiply-adds a second that training may reach (from low to high) where nothing is recorded.
# Measured on 2 cores with AMX: 10 to 45 thousand million in float32, up to 120 in bfloat16.
_BOUNDS = {"float32": (8e9, 80e9), "bfloat16": (6e9, 160e9)}
_STEP_BOUNDS = (0.0005, 0.004)
# How many times as fast bfloat16 may be as float32.
_MAX_BFLOAT16_GAIN = 4
# Validation goes forward only; the way back costs twice as much again.
_VALIDATION_COST = 1 / 3
# The uncertainty that each doubling of the network, or two of the batch, adds; and that of the
# same network, since a machine is not always equally busy.
_UNCERTAINTY_PER_DOUBLING, _MIN_UNCERTAINTY = 1.15, 1.1
# A run more doublings away is not used.
_MAX_DISTANCE = 6.0
_MAX_RUNS = 5
# Earlier epochs of a run may have been slower or faster, as the machine was busy.
_NEWEST_EPOCHS = 5


@dataclass(frozen=True)
class MeasuredSpeed:
    """The speed of an earlier run; ``operations`` are multiply-adds per image, forward.

    ``chosen``: its precision was measured to be the faster.
    """

    operations: int
    batch_size: int
    precision: str
    images_per_second: float
    chosen: bool = False

    @property
    def rate(self) -> float:
        """Multiply-adds per second, without the fixed cost of a step."""
        step = self.batch_size / self.images_per_second
        return self.operations * self.batch_size / max(step - _STEP_SECONDS, step / 2)


@dataclass(frozen=True)
class EpochWork:
    """The work of one epoch; ``precision`` is ``None`` if the faster will be used."""

    operations: int
    batch_size: int
    precision: Literal["float32", "bfloat16"] | None
    train_images: int
    validation_images: int
    """All images that are only predicted after an epoch, each as often as it is averaged."""

    def seconds(self, rate: float, step: float) -> float:
        """Seconds at ``rate`` multiply-adds a second, with ``step`` seconds for each step."""
        images = self.train_images + _VALIDATION_COST * self.validation_images
        return self.operations * images / rate + step * -(-self.train_images // self.batch_size)


def epoch_work(experiment: Experiment, train_images: int, validation_images: int) -> EpochWork:
    """Return the work of an epoch of ``experiment`` with so many images of each kind."""
    return EpochWork(
        operations=experiment.architecture.trace().operations,
        batch_size=experiment.batch_size,
        precision=None if experiment.precision == "auto" else experiment.precision,
        train_images=train_images,
        validation_images=validation_images * experiment.prediction_views.count
        + tracked_image_count(experiment.data.wrong_labels, train_images),
    )


def run_work(run: Run) -> EpochWork:
    """Return the work of an epoch of a run; raises as ``Run.experiment`` and ``sizes`` do."""
    train, validation = run.train_images, run.validation_images
    if train is None or validation is None:
        data = run.experiment.data
        sizes = run.experiment.sizes(*image_counts(data.dataset, data.variant))
        train, validation = sizes.train, sizes.validation
    return epoch_work(run.experiment, train, validation)


@dataclass(frozen=True)
class Estimate:
    """Seconds per epoch, from ``low`` to ``high``; with ``runs`` 0 from fixed bounds alone."""

    low: float
    high: float
    runs: int
    same: bool
    """Whether the earlier runs had the same network size, batch size and precision."""


def estimate_epoch(work: EpochWork, speeds: Sequence[MeasuredSpeed]) -> Estimate:
    """Estimate an epoch of ``work`` from the most similar of ``speeds``.

    ``speeds`` are of runs on this machine, the newest first.
    """
    if work.precision is None:
        return _estimate_auto(work, speeds)
    measured = sorted(
        (distance, place)
        for place, speed in enumerate(speeds)
        if (distance := _distance(work, speed)) is not None
    )
    nearest = [(d, speeds[place]) for d, place in measured if d <= measured[0][0] + 0.5]
    if not nearest:
        slow, fast = _BOUNDS[work.precision]
        return Estimate(
            work.seconds(fast, _STEP_BOUNDS[0]), work.seconds(slow, _STEP_BOUNDS[1]), 0, False
        )
    used = nearest[:_MAX_RUNS]
    rates = sorted(speed.rate for _, speed in used)
    if len(rates) == _MAX_RUNS:
        rates = rates[1:-1]  # without outliers
    distance = median(distance for distance, _ in used)
    uncertainty = _MIN_UNCERTAINTY * _UNCERTAINTY_PER_DOUBLING**distance
    typical = work.seconds(median(rates), _STEP_SECONDS)
    return Estimate(
        low=min(work.seconds(rates[-1], _STEP_SECONDS), typical / uncertainty),
        high=max(work.seconds(rates[0], _STEP_SECONDS), typical * uncertainty),
        runs=len(used),
        same=all(distance == 0 for distance, _ in used),
    )


def _estimate_auto(work: EpochWork, speeds: Sequence[MeasuredSpeed]) -> Estimate:
    exact, fast = (
        estimate_epoch(replace(work, precision=precision), speeds)
        for precision in ("float32", "bfloat16")
    )
    if not exact.runs and not fast.runs:
        return Estimate(min(exact.low, fast.low), max(exact.high, fast.high), 0, False)
    if not exact.runs or (fast.runs and fast.high < exact.high):
        return fast
    if fast.runs or any(speed.chosen for speed in speeds if speed.precision == "float32"):
        return exact
    # All runs were trained in float32 because somebody chose it.
    return replace(exact, low=exact.low / _MAX_BFLOAT16_GAIN, same=False)


START_SECONDS = (1.5, 4.0)
"""Seconds, from low to high, that a run takes beside its epochs, to build and trace the network:
measured on 2 cores."""


def measured_speed(work: EpochWork, precision: str, seconds: float) -> MeasuredSpeed:
    """Return the speed of a run whose epochs of ``work`` took ``seconds`` each."""
    images = work.train_images + _VALIDATION_COST * work.validation_images
    return MeasuredSpeed(work.operations, work.batch_size, precision, images / max(seconds, 1e-6))


def seconds_left(
    works: Sequence[EpochWork], runs: Sequence[Run], histories: Sequence[Sequence[Epoch]]
) -> float | None:
    """Return seconds of training until all active ``runs`` have ended; ``None`` if unknown.

    Runs without an epoch are estimated from those that have one, because first steps are slow; each
    run has the ``work`` of an epoch and its epochs so far. Runs that train at once share the time.
    """
    has_paces = [bool(history) or not any(histories) for history in histories]
    paces = [
        _seconds_per_epoch(*pair) if has_pace else None
        for pair, has_pace in zip(zip(runs, histories, strict=True), has_paces, strict=True)
    ]
    speeds = [
        measured_speed(work, run.precision or work.precision or "float32", pace)
        for work, run, pace in zip(works, runs, paces, strict=True)
        if pace is not None
    ]
    if not speeds:
        return None
    left, at_once = [], 0
    for work, run, pace, has_pace in zip(works, runs, paces, has_paces, strict=True):
        if not run.state.active:
            continue
        at_once += run.state is not RunState.QUEUED
        own = None if run.progress is None else run.progress.seconds_left
        if own is not None and run.state is RunState.RUNNING and has_pace:
            # As other pages show it.
            left.append(own)
            continue
        start = 0.0
        if pace is None:
            # All are compared, so they train in the precision of the first.
            known = replace(work, precision=PRECISIONS[speeds[0].precision])
            estimate = estimate_epoch(known, speeds)
            pace = sqrt(estimate.low * estimate.high)
            # One that is being built has spent most of its start.
            if run.state is RunState.QUEUED:
                start = sqrt(START_SECONDS[0] * START_SECONDS[1])
        left.append(start + pace * epochs_left(run))
    return max([sum(left) / max(at_once, 1), *left], default=0.0)


def _seconds_per_epoch(run: Run, history: Sequence[Epoch]) -> float | None:
    """Return the mean of a run's newest epochs, else what its first steps let expect."""
    if history:
        return fmean(epoch.seconds for epoch in history[-_NEWEST_EPOCHS:])
    progress = run.progress
    if progress is None or progress.seconds_left is None or not epochs_left(run):
        return None
    return progress.seconds_left / epochs_left(run)


def epochs_left(run: Run) -> float:
    """Return how many epochs a run has left, with a fraction for the one under way."""
    done = float(run.epochs_done)
    if run.progress is not None and run.progress.steps_per_epoch:
        done = max(done, run.progress.step / run.progress.steps_per_epoch)
    return max(run.experiment.epochs - done, 0.0)


def recorded_speeds(runs: Iterable[Run], machine: str) -> tuple[MeasuredSpeed, ...]:
    """Return the speeds of those ``runs`` that were trained on ``machine``, in their order."""
    speeds = []
    for run in runs:
        # An imported run may name the same processor.
        imported = run.origin in (ORIGIN, IMPORTED)
        # In its first epoch a run has a current speed only.
        speed = run.images_per_second or (run.progress and run.progress.images_per_second)
        if imported or run.machine != machine or not speed or run.precision is None:
            continue
        size = _network_size(run.experiment_json)
        if size is not None:
            chosen = run.precision_reason not in (None, SHORT_RUN)
            speeds.append(MeasuredSpeed(*size, run.precision, speed, chosen))
    return tuple(speeds)


def _distance(work: EpochWork, speed: MeasuredSpeed) -> float | None:
    """Return the distance in doublings of the network; ``None`` if they are not comparable."""
    if speed.precision != work.precision or min(speed.operations, work.operations) <= 0:
        return None
    network = abs(log2(work.operations / speed.operations))
    distance = network + abs(log2(work.batch_size / speed.batch_size)) / 2
    return distance if distance <= _MAX_DISTANCE else None


@lru_cache(maxsize=1024)
def _network_size(experiment_json: str) -> tuple[int, int] | None:
    """Return multiply-adds per image and batch size; ``None`` if this version cannot read it."""
    try:
        experiment = Experiment.from_json(experiment_json)
    except (ExperimentInvalid, UnknownFormat):
        return None
    return experiment.architecture.trace().operations, experiment.batch_size
