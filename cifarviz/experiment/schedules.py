"""Learning rate schedules."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cifarviz.experiment.saved_epochs import validate_epochs
from cifarviz.value import Value

FinalFraction = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="final fraction",
        description="The learning rate of the last step, as a fraction of the base rate.",
    ),
]


class Constant(Value):
    """The base rate in every step."""

    title: ClassVar[str] = "Constant"
    short_title: ClassVar[str] = "constant rate"
    explanation: ClassVar[str] = "The learning rate stays the same."

    kind: Literal["constant"] = "constant"


class StepSchedule(Value):
    """The rate multiplied by ``factor`` after every ``every_epochs`` epochs."""

    title: ClassVar[str] = "Steps"
    short_title: ClassVar[str] = "stepped rate"
    explanation: ClassVar[str] = "The learning rate is multiplied by a factor every few epochs."

    kind: Literal["step"] = "step"
    every_epochs: int = Field(
        default=10,
        ge=1,
        le=1000,
        title="epochs between steps",
        description="After how many epochs the learning rate is multiplied by the factor.",
    )
    factor: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="factor",
        description="What the learning rate is multiplied by at each step; 0.5 halves it.",
    )


class Milestones(Value):
    """The rate multiplied by ``factor`` after each of the ``epochs``."""

    title: ClassVar[str] = "Milestones"
    short_title: ClassVar[str] = "rate with milestones"
    explanation: ClassVar[str] = (
        "The learning rate is multiplied by a factor after a few chosen epochs, as in the first "
        "papers on residual networks."
    )

    kind: Literal["milestones"] = "milestones"
    epochs: tuple[int, ...] = Field(
        default=(80, 120),
        min_length=1,
        title="milestones",
        description="The epochs after which the learning rate is multiplied by the factor.",
    )
    factor: float = Field(
        default=0.1,
        gt=0,
        le=1,
        title="factor",
        description="What the learning rate is multiplied by at each milestone.",
    )

    @field_validator("epochs", mode="before")
    @classmethod
    def _epochs_in_order(cls, value: object) -> tuple[int, ...]:
        return validate_epochs(value)


class Cosine(Value):
    """Half a cosine wave from the base rate down, after an optional linear warm-up."""

    title: ClassVar[str] = "Cosine"
    short_title: ClassVar[str] = "cosine rate"
    explanation: ClassVar[str] = (
        "The learning rate falls along half a cosine wave: slowly, then faster, then slowly."
    )

    kind: Literal["cosine"] = "cosine"
    warmup_epochs: int = Field(
        default=0,
        ge=0,
        le=1000,
        title="warm-up epochs",
        description="The number of epochs over which the learning rate first rises to the base "
        "rate.",
    )
    final_fraction: FinalFraction = 0.0


class OneCycle(Value):
    """A linear rise to the base rate and a linear fall (after Smith, arXiv 1708.07120)."""

    title: ClassVar[str] = "One cycle"
    short_title: ClassVar[str] = "one cycle"
    explanation: ClassVar[str] = (
        "The learning rate rises to the base rate over the first part of the run, then falls. With "
        "a warm-up fraction of 0 it only falls."
    )

    kind: Literal["one_cycle"] = "one_cycle"
    warmup_fraction: float = Field(
        default=0.3,
        ge=0,
        le=1,
        title="warm-up fraction",
        description="The part of the run over which the learning rate rises to the base rate.",
    )
    start_fraction: float = Field(
        default=0.04,
        ge=0,
        le=1,
        title="start fraction",
        description="The learning rate of the first step, as a fraction of the base rate; without "
        "warm-up it is the base rate.",
    )
    final_fraction: FinalFraction = 0.01


AnySchedule = Constant | StepSchedule | Milestones | Cosine | OneCycle
Schedule = Annotated[AnySchedule, Field(discriminator="kind")]

SCHEDULES: Mapping[str, type[AnySchedule]] = MappingProxyType(
    {
        "constant": Constant,
        "step": StepSchedule,
        "milestones": Milestones,
        "cosine": Cosine,
        "one_cycle": OneCycle,
    }
)
"""Every schedule class by its ``kind``, in the order a menu shows them."""


def learning_rates(
    schedule: AnySchedule,
    base: float,
    steps_per_epoch: int,
    epochs: int,
) -> NDArray[np.float32]:
    """Return the rate of each training step, float32 (steps_per_epoch * epochs,).

    Cosine is exactly ``base`` in the first step after its warm-up and ``base * final_fraction`` in
    the last; one-cycle is ``base * start_fraction`` in the first step, ``base`` at its peak and
    ``base * final_fraction`` in the last.
    """
    total = steps_per_epoch * epochs
    rates = np.empty(total, np.float32)
    # Per epoch: a long run with tiny batches has tens of millions of steps, and float64
    # temporaries of all of them would need several times the memory of the result.
    for epoch in range(epochs):
        first = epoch * steps_per_epoch
        steps = np.arange(first, first + steps_per_epoch, dtype=np.float64)
        fractions = _fractions(schedule, steps, epoch, steps_per_epoch, total)
        rates[first : first + steps_per_epoch] = base * fractions
    return rates


def _fractions(
    schedule: AnySchedule,
    steps: NDArray[np.float64],
    epoch: int,
    steps_per_epoch: int,
    total: int,
) -> NDArray[np.float64]:
    last = total - 1
    match schedule:
        case Constant():
            return np.ones_like(steps)
        case StepSchedule():
            return np.full_like(steps, schedule.factor ** (epoch // schedule.every_epochs))
        case Milestones():
            passed = sum(milestone <= epoch for milestone in schedule.epochs)
            return np.full_like(steps, schedule.factor**passed)
        case Cosine():
            warmup = schedule.warmup_epochs * steps_per_epoch
            progress = np.clip((steps - warmup) / max(last - warmup, 1), 0.0, 1.0)
            wave = 0.5 * (1.0 + np.cos(np.pi * progress))
            fall = schedule.final_fraction + (1.0 - schedule.final_fraction) * wave
            return np.where(steps < warmup, (steps + 1.0) / (warmup + 1.0), fall)
        case OneCycle():
            peak = round(schedule.warmup_fraction * last)
            # A peak on the first or last step leaves no steps for one of the slopes.
            points = [(0, schedule.start_fraction)] if peak > 0 else []
            points.append((peak, 1.0))
            if peak < last:
                points.append((last, schedule.final_fraction))
            return np.interp(steps, [at for at, _ in points], [value for _, value in points])
