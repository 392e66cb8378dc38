"""Whether a network fits too little, well or too much, read off its history; pure NumPy.

**The turn.** The validation loss is smoothed: each epoch is averaged with ``h`` epochs on either
side, where ``h`` is a tenth of the epochs, at least 1; towards both ends the window shrinks on both
sides. It has *turned* when its last ``h`` epochs lie, on average, above the lowest point of the
smoothed curve by more than 2 % of it and by more than 5 times what noise makes of that difference,
and two epochs or more have come since the lowest. The epoch that is named is the lowest of the
curve as it was measured: smoothing decides *whether*, never *where*. Only what the curve has at its
end counts: a loss that rose and came down again has not turned.

**The noise** of an epoch is the larger of two figures: what goes against the trend (steps up before
the lowest epoch, down after it: of a curve that only jitters half of its steps do, and their mean
over all steps is σ/√π), and, with 10 epochs or more, the median bend of the last two thirds (a
second difference has the deviation σ√6).

Of 400 curves that fall to a level and jitter there (σ from 0.005 to 0.1), 1.5 % at most are called
turned at any length of 10 to 100 epochs; of 8 epochs up to 7 %, which is what so few can tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.runs.records import Epoch

Verdict = Literal["overfitting", "good", "underfitting", "too early", "not measured"]

VERDICT_WORDS: Final[dict[Verdict, str]] = {
    "overfitting": "overfitting",
    "good": "good",
    "underfitting": "underfitting",
    "too early": "too early to say",
    "not measured": "not measured",
}

FEWEST_EPOCHS: Final = 4
"""With fewer a curve has no course yet."""
WIDE_GAP: Final = 0.10
"""Points of accuracy by which training is ahead of validation where the network memorises."""

_LEAST_RISE = 0.02
_NOISES = 5.0
_EPOCHS_SINCE = 2
_STILL_FALLING = 0.02
_ENOUGH_TO_BEND = 10
_TENTH = 10

TURN_RULE: Final = (
    "The epoch with the lowest validation loss as it was measured, if the loss turned there. "
    "It turned if the mean of the last tenth of the epochs (1 at least) lies above the lowest "
    "point of the smoothed loss, each epoch averaged with a tenth of all on either side: by more "
    f"than {_LEAST_RISE:.0%}, and by more than {_NOISES:.0f} times what noise makes of that "
    f"difference. And {_EPOCHS_SINCE} epochs or more have come since the lowest."
)
"""The rule in plain words, for those who read a turn."""

Numbers = Sequence[float | None] | NDArray[np.floating]


@dataclass(frozen=True)
class Gap:
    """How far validation is behind training after ``epoch``.

    ``loss`` is validation less training, in nats; ``accuracy`` training less validation, −1 to 1.
    Below 0 validation is ahead, as it may be with dropout or augmentation, which make only
    training harder.
    """

    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Fit:
    """What a history says. ``turn`` is an epoch, ``reason`` a sentence.

    ``at_turn`` and ``at_end`` are ``None`` where there is no turn, or nothing was held back.
    ``falling`` says whether the validation loss still fell at the end, ``unstable`` whether the
    training loss rose with it.
    """

    verdict: Verdict
    reason: str
    turn: int | None = None
    at_turn: Gap | None = None
    at_end: Gap | None = None
    falling: bool = False
    unstable: bool = False


def smoothed(values: NDArray[np.floating], reach: int) -> NDArray[np.float64]:
    """The mean of each value and ``reach`` on either side, of fewer on both towards the ends.

    What is not a number stays one and is left out of its neighbours' means.
    """
    values = np.asarray(values, np.float64)
    result = np.full(values.size, np.nan)
    for place in map(int, np.flatnonzero(np.isfinite(values))):
        here = min(reach, place, values.size - 1 - place)
        result[place] = np.nanmean(values[place - here : place + here + 1])
    return result


def turn_of(values: Numbers) -> int | None:
    """The position of the lowest of ``values`` if they turned there, by the rule above.

    What is not a finite number is passed over.
    """
    given = _numbers(values)
    known = np.flatnonzero(np.isfinite(given))
    losses = given[known]
    if losses.size < FEWEST_EPOCHS:
        return None
    lowest = int(losses.argmin())
    if losses.size - 1 - lowest < _EPOCHS_SINCE:
        return None
    reach = _reach(losses.size)
    floor = float(smoothed(losses, reach).min())
    rise = float(losses[-reach:].mean()) - floor
    # Of the mean at the end, and of the lowest of many means, which lies below the true course.
    noise = _noise(losses, lowest) * sqrt(1 / reach + 1 / (2 * reach + 1))
    if rise <= max(_LEAST_RISE * abs(floor), _NOISES * noise):
        return None
    return int(known[lowest])


def gap_after(history: Sequence[Epoch], epoch: int) -> Gap | None:
    """The gap after ``epoch``; ``None`` if it is not there or nothing was held back."""
    for one in history:
        if one.epoch == epoch and one.val_loss is not None and one.val_accuracy is not None:
            return Gap(epoch, one.val_loss - one.loss, one.accuracy - one.val_accuracy)
    return None


def judge_history(history: Sequence[Epoch], *, classes: int = 10, ended: bool = True) -> Fit:
    """``judge`` of a run's epochs; of a fork, of its own."""
    return judge(
        [one.epoch for one in history],
        [one.loss for one in history],
        [one.accuracy for one in history],
        [one.val_loss for one in history],
        [one.val_accuracy for one in history],
        classes=classes,
        ended=ended,
    )


def judge(
    epochs: Sequence[int] | NDArray[np.integer],
    loss: Numbers,
    accuracy: Numbers,
    val_loss: Numbers,
    val_accuracy: Numbers,
    *,
    classes: int = 10,
    ended: bool = True,
) -> Fit:
    """Judge a history: arrays of one length, NaN or ``None`` where nothing was measured.

    A run that goes on (not ``ended``) is not called underfitting for what it has not learned yet.
    """
    numbers = [_numbers(one) for one in (loss, accuracy, val_loss, val_accuracy)]
    whole = np.isfinite(np.array(numbers)).all(axis=0) if len(epochs) else np.zeros(0, bool)
    if len(epochs) and not np.isfinite(numbers[2]).any():
        return Fit(
            "not measured",
            "No images were held back for validation, so overfitting cannot be seen.",
        )
    kept = np.asarray(epochs)[whole]
    train, hits, held_out, held_out_hits = (one[whole] for one in numbers)
    if kept.size < FEWEST_EPOCHS:
        count = "1 epoch says" if kept.size == 1 else f"{kept.size} epochs say"
        return Fit(
            "too early",
            f"{count} nothing yet of where the curves go; it takes {FEWEST_EPOCHS} or more.",
            at_end=_gap(kept, train, hits, held_out, held_out_hits, -1) if kept.size else None,
        )
    gaps = (kept, train, hits, held_out, held_out_hits)
    end, place = _gap(*gaps, -1), turn_of(held_out)
    falling = _falls(held_out)
    if place is not None:
        at_turn = _gap(*gaps, place)
        if train[-1] > train[place] * (1 + _LEAST_RISE):
            return Fit(
                "underfitting",
                f"Both losses rise after epoch {at_turn.epoch}: the steps are too large, and the "
                "network unlearns what it knew.",
                at_turn.epoch,
                at_turn,
                end,
                unstable=True,
            )
        reason = (
            f"Validation loss turned after epoch {at_turn.epoch}: it rose from "
            f"{held_out[place]:.3f} to {held_out[-1]:.3f}, while training loss went on from "
            f"{train[place]:.3f} to {train[-1]:.3f}."
        )
        return Fit("overfitting", reason, at_turn.epoch, at_turn, end)
    if end.accuracy >= WIDE_GAP:
        return Fit(
            "overfitting",
            f"Training accuracy is {100 * end.accuracy:.0f} points ahead of validation "
            f"({hits[-1]:.1%} and {held_out_hits[-1]:.1%}), though validation loss has not turned.",
            at_end=end,
            falling=falling,
        )
    if not ended:
        course = "still falls" if falling else "has not turned"
        return Fit(
            "too early",
            f"Validation loss {course} and stays close to training; the run goes on.",
            at_end=end,
            falling=falling,
        )
    halfway = (1 + 1 / classes) / 2
    if falling:
        return Fit(
            "underfitting",
            f"Validation loss still fell when the run ended after epoch {end.epoch}: it had more "
            "to learn.",
            at_end=end,
            falling=True,
        )
    if hits[-1] < halfway:
        return Fit(
            "underfitting",
            f"Even of the images it learns from, it gets only {hits[-1]:.1%} right, and no longer "
            "improves.",
            at_end=end,
        )
    return Fit(
        "good",
        "Validation loss has settled without turning, and training is "
        f"{_ahead(end.accuracy)} validation in accuracy.",
        at_end=end,
    )


def _reach(epochs: int) -> int:
    return max(1, epochs // _TENTH)


def _noise(losses: NDArray[np.float64], lowest: int) -> float:
    """The deviation of one epoch from the course, by the steps that go against it."""
    steps = np.diff(losses)
    sides = (steps[:lowest], -steps[lowest:])
    # The larger of both: a steep fall has no step up, however much the rest jitters.
    noise = max(float(np.maximum(side, 0).mean()) for side in sides if side.size) * sqrt(pi)
    if losses.size < _ENOUGH_TO_BEND:
        return noise
    # In a short curve its own bends would be taken for noise.
    bends = float(np.median(np.abs(np.diff(losses[losses.size // 3 :], 2)))) / (0.6745 * sqrt(6))
    return max(noise, bends)


def _falls(losses: NDArray[np.float64]) -> bool:
    """Whether the last tenth (an epoch at least) is lower than the one before, beyond noise."""
    reach = _reach(losses.size)
    last, before = losses[-reach:].mean(), losses[-2 * reach : -reach].mean()
    noise = _noise(losses, int(losses.argmin())) * sqrt(2 / reach)
    return bool(before - last > max(_STILL_FALLING * abs(last), noise))


def _gap(
    epochs: NDArray[np.integer],
    train: NDArray[np.float64],
    hits: NDArray[np.float64],
    held_out: NDArray[np.float64],
    held_out_hits: NDArray[np.float64],
    place: int,
) -> Gap:
    return Gap(
        int(epochs[place]),
        float(held_out[place] - train[place]),
        float(hits[place] - held_out_hits[place]),
    )


def _ahead(points: float) -> str:
    if points < 0:
        return f"{-100 * points:.1f} points behind"
    return f"only {100 * points:.1f} points ahead of"


def _numbers(values: Numbers) -> NDArray[np.float64]:
    return np.array([np.nan if one is None else one for one in values], np.float64)
