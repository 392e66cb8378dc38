"""How long an epoch will take, from how fast this machine's recorded runs were.

A training step is taken to cost a fixed time (``_STEP``: starting the step, updating the
weights) and its images' multiply-adds at a rate that the recorded runs tell. Networks that
differ in size reach different rates, so the further the recorded runs are from what is asked,
the wider the answer. Before there are any runs, the rate lies between bounds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log2
from statistics import median
from typing import Literal

from cifarviz.errors import ExperimentInvalid, UnknownFormat
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.archive import IMPORTED
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.training.plan import tracked_image_count
from cifarviz.training.timing import SHORT_RUN

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
# What each doubling of the network, or two of the batch, adds to the doubt; and the doubt that
# stays with the very same network, since a machine is not always equally busy.
_DOUBT_PER_DOUBLING, _MIN_DOUBT = 1.15, 1.1
# A run this many doublings away says next to nothing, so bounds are better.
_MAX_DISTANCE = 6.0
_MAX_RUNS = 5


@dataclass(frozen=True)
class MeasuredSpeed:
    """How fast one recorded run was; ``operations`` are multiply-adds an image, forward.

    ``chosen``: its precision was found to be the faster one.
    """

    operations: int
    batch_size: int
    precision: str
    images_per_second: float
    chosen: bool = False

    @property
    def rate(self) -> float:
        """Multiply-adds a second, without what a step costs in any case."""
        step = self.batch_size / self.images_per_second
        return self.operations * self.batch_size / max(step - _STEP_SECONDS, step / 2)


@dataclass(frozen=True)
class EpochWork:
    """What one epoch has to do. ``precision`` is ``None`` where the faster one will be found."""

    operations: int
    batch_size: int
    precision: Literal["float32", "bfloat16"] | None
    train_images: int
    validation_images: int
    """All that are only looked at after an epoch."""

    def seconds(self, rate: float, step: float) -> float:
        """Seconds at ``rate`` multiply-adds a second, with ``step`` seconds for each step."""
        images = self.train_images + _VALIDATION_COST * self.validation_images
        return self.operations * images / rate + step * -(-self.train_images // self.batch_size)


def epoch_work(experiment: Experiment, train_images: int, validation_images: int) -> EpochWork:
    """What an epoch of ``experiment`` has to do with so many images of each kind."""
    return EpochWork(
        operations=experiment.architecture.trace().operations,
        batch_size=experiment.batch_size,
        precision=None if experiment.precision == "auto" else experiment.precision,
        train_images=train_images,
        validation_images=validation_images
        + tracked_image_count(experiment.data.wrong_labels, train_images),
    )


@dataclass(frozen=True)
class Estimate:
    """Seconds an epoch, from ``low`` to ``high``; ``runs`` 0 means a guess within bounds."""

    low: float
    high: float
    runs: int
    same: bool
    """Whether the recorded runs had this very network size, batch and precision."""


def estimate_epoch(work: EpochWork, speeds: Sequence[MeasuredSpeed]) -> Estimate:
    """Estimate an epoch of ``work`` from those ``speeds`` that are most like it.

    ``speeds`` come the newest first, from runs of this machine.
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
        rates = rates[1:-1]  # one that was disturbed, or too short to tell, says little
    doubt = _MIN_DOUBT * _DOUBT_PER_DOUBLING ** median(distance for distance, _ in used)
    typical = work.seconds(median(rates), _STEP_SECONDS)
    return Estimate(
        low=min(work.seconds(rates[-1], _STEP_SECONDS), typical / doubt),
        high=max(work.seconds(rates[0], _STEP_SECONDS), typical * doubt),
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
    # All that is known was trained in float32 because somebody asked for it.
    return replace(exact, low=exact.low / _MAX_BFLOAT16_GAIN, same=False)


def recorded_speeds(runs: Iterable[Run], machine: str) -> tuple[MeasuredSpeed, ...]:
    """The speeds of those ``runs`` that were measured on ``machine``, in their order."""
    found = []
    for run in runs:
        # A run that was brought from elsewhere may name the same processor.
        brought = run.origin in (ORIGIN, IMPORTED)
        if brought or run.machine != machine or not run.images_per_second or run.precision is None:
            continue
        size = _network_size(run.experiment_json)
        if size is not None:
            chosen = run.precision_reason not in (None, SHORT_RUN)
            found.append(MeasuredSpeed(*size, run.precision, run.images_per_second, chosen))
    return tuple(found)


def _distance(work: EpochWork, speed: MeasuredSpeed) -> float | None:
    """In doublings of the network; ``None`` if the speed says nothing about the work."""
    if speed.precision != work.precision or min(speed.operations, work.operations) <= 0:
        return None
    network = abs(log2(work.operations / speed.operations))
    distance = network + abs(log2(work.batch_size / speed.batch_size)) / 2
    return distance if distance <= _MAX_DISTANCE else None


@lru_cache(maxsize=1024)
def _network_size(experiment_json: str) -> tuple[int, int] | None:
    """Multiply-adds an image and batch size; ``None`` for what this version cannot read."""
    try:
        experiment = Experiment.from_json(experiment_json)
    except (ExperimentInvalid, UnknownFormat):
        return None
    return experiment.architecture.trace().operations, experiment.batch_size
