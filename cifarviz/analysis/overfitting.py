"""Whether a network fits too little, well or too much, read off its history; pure NumPy.

**The turn.** The validation loss is smoothed: each epoch is averaged with ``h`` epochs on either
side, where ``h`` is a tenth of the epochs, at least 1; towards both ends the window shrinks on both
sides. It has *turned* when its last ``h`` epochs lie, on average, above the lowest point of the
smoothed curve by more than 2 % of it and by more than 5 times what noise makes of that difference,
the last epoch lies 2 % above the lowest as well, and two epochs or more have come since the lowest.
The epoch that is named is the lowest of the curve as it was measured: smoothing decides *whether*,
never *where*. Only what the curve has at its end counts: a loss that rose and came down again has
not turned.

**The noise** of an epoch is the larger of two figures: what goes against the trend (steps up before
the lowest epoch, down after it: of a curve that only jitters half of its steps do, and their mean
over all steps is σ/√π), and, with 10 epochs or more, the median bend of the last two thirds (a
second difference has the deviation σ√6).

Of 400 curves that fall to a level and jitter there (σ from 0.005 to 0.1), 1.5 % at most are called
turned at any length of 10 to 100 epochs; of 8 epochs up to 7 %, which is what so few can tell.

**The verdict** is the first of these that holds:

1. *no validation*: no image was held back.
2. *too early to say*: fewer than 4 validated epochs.
3. *diverging*: training loss rises at the end, by the rule of the turn or to more than it was after
   the first epoch, and validation loss is above its lowest. (Also, after any number of epochs,
   where training loss is no finite number any more.)
4. *overfitting*: validation loss has turned, and training loss is lower than it was there. (Where
   both rise it is *diverging*.)
5. *still improving*: validation loss falls over the last third of the epochs (3 at least) by 3 % or
   more, beyond its noise, and is lowest at their end.
6. *noisy*: one epoch's validation loss deviates from the trend by more than 10 %.
7. *overfitting*, by the gap alone: training accuracy is 10 points or more ahead of validation at
   the end, and in most of the last third.
8. *too early to say* of a run that goes on, *stopped in the middle* of one that did not end by
   itself.
9. *too early to say*: validation loss changes over the last third by 3 % or more, and by more than
   its noise or 10 %.
10. With a training accuracy below halfway from chance to 100 %: *still improving* while training
    gains 1 point of accuracy or 3 % of loss over the last third, else *underfitting*.
11. *good fit*.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis import verdict_sentences as sentences
from cifarviz.analysis.verdict_sentences import Direction, Side
from cifarviz.datasets.registry import find
from cifarviz.errors import CifarvizError
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState

Verdict = Literal[
    "overfitting",
    "good",
    "underfitting",
    "still improving",
    "noisy",
    "diverging",
    "stopped",
    "too early",
    "not measured",
]

VERDICT_WORDS: Final[dict[Verdict, str]] = {
    "overfitting": "overfitting",
    "good": "good fit",
    "underfitting": "underfitting",
    "still improving": "still improving",
    "noisy": "noisy",
    "diverging": "diverging",
    "stopped": "stopped in the middle",
    "too early": "too early to say",
    "not measured": "no validation",
}

Ending = Literal["running", "finished", "stopped"]
"""``finished``: the run ended by itself, also by early stopping."""

FEWEST_EPOCHS: Final = 4
"""With fewer a curve has no course yet."""
WIDE_GAP: Final = 0.10
"""Points of accuracy by which training is ahead of validation where the network memorises."""

_LEAST_RISE = 0.02
_NOISES = 5.0
_EPOCHS_SINCE = 2
_LEAST_CHANGE = 0.03
"""Of a loss over the last third of the epochs; less is level."""
_LEAST_GAIN = 0.01
"""Of training accuracy over the last third of the epochs; less is level."""
_DEVIATIONS = 2.0
_MUCH_NOISE = 0.10
_FEWEST_IN_THIRD = 3
_NEAR_CHANCE = 1.2
_ENOUGH_TO_BEND = 10
_TENTH = 10

TURN_RULE: Final = (
    "The epoch with the lowest validation loss as it was measured, if the loss rises from there. "
    "It does if the mean of the last tenth of the epochs (1 at least) lies above the lowest "
    "point of the smoothed loss, each epoch averaged with a tenth of all on either side: by more "
    f"than {_LEAST_RISE:.0%}, and by more than {_NOISES:.0f} times what noise makes of that "
    f"difference. And {_EPOCHS_SINCE} epochs or more have come since the lowest."
)
"""The rule in plain words, for those who read a turn."""

START_RULE: Final = (
    f"{TURN_RULE} Where validation loss does not rise: the last epoch before training accuracy was "
    f"{100 * WIDE_GAP:.0f} points ahead of validation for good."
)
"""The rule for where overfitting starts, which the gap alone may show too."""

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
    """What a history says; ``reason`` is one sentence or two.

    ``turn`` is the epoch after which validation loss rises while training loss falls.
    ``overfits_after`` is the same or, where the gap alone shows it, the last epoch before the gap
    was wide. ``at_turn`` and ``at_end`` are ``None`` where there is no turn, or no validation.
    """

    verdict: Verdict
    reason: str
    turn: int | None = None
    at_turn: Gap | None = None
    at_end: Gap | None = None
    overfits_after: int | None = None


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
    least = _LEAST_RISE * abs(floor)
    if rise <= max(least, _NOISES * noise) or losses[-1] - losses[lowest] <= least:
        return None
    return int(known[lowest])


def gap_after(history: Sequence[Epoch], epoch: int) -> Gap | None:
    """The gap after ``epoch``; ``None`` if it is not there or nothing was held back."""
    for one in history:
        if one.epoch == epoch and one.val_loss is not None and one.val_accuracy is not None:
            return Gap(epoch, one.val_loss - one.loss, one.accuracy - one.val_accuracy)
    return None


def judge_run(run: Run, history: Sequence[Epoch]) -> Fit:
    """What the epochs of ``run`` say; of a fork, its own.

    Every page, the report and the Lab get their verdicts here: how a run ended and how many
    classes it has is read off the run.
    """
    classes: int | None = None
    planned: int | None = None
    # Of an experiment that cannot be read the curves still can.
    with suppress(CifarvizError):
        classes, planned = len(find(run.experiment.data.dataset).classes), run.experiment.epochs
    ending: Ending = "stopped"
    if run.state.active:
        ending = "running"
    elif run.state is RunState.FINISHED:
        ending = "finished"
    return judge(
        [one.epoch for one in history],
        [one.loss for one in history],
        [one.accuracy for one in history],
        [one.val_loss for one in history],
        [one.val_accuracy for one in history],
        classes=classes,
        ending=ending,
        planned=planned,
    )


def judge(
    epochs: Sequence[int] | NDArray[np.integer],
    loss: Numbers,
    accuracy: Numbers,
    val_loss: Numbers,
    val_accuracy: Numbers,
    *,
    classes: int | None,
    ending: Ending = "finished",
    planned: int | None = None,
) -> Fit:
    """Judge a history: arrays of one length, NaN or ``None`` where nothing was measured.

    ``classes`` is how many there are to tell apart, ``planned`` how many epochs the run was meant
    to have; ``None`` where that is not known.
    """
    numbers = [_numbers(one) for one in (loss, accuracy, val_loss, val_accuracy)]
    if len(epochs) and not np.isfinite(numbers[2]).any():
        return Fit("not measured", sentences.NOT_MEASURED)
    measured = np.isfinite(np.array(numbers)).all(axis=0) if len(epochs) else np.zeros(0, bool)
    curves = _LearningCurves(np.asarray(epochs)[measured], *(one[measured] for one in numbers))
    end = curves.gap(-1) if len(curves) else None
    if len(epochs) and not np.isfinite(numbers[0][-1]):
        reason = sentences.NOT_FINITE.format(epoch=epochs[-1])
        return Fit("diverging", reason, at_end=end)
    if len(curves) < FEWEST_EPOCHS or end is None:
        return Fit("too early", _too_few(curves, ending, planned), at_end=end)
    return (
        _diverging(curves)
        or _overfitting(curves)
        or _by_course(curves, end, classes, ending, planned)
    )


@dataclass(frozen=True, eq=False)
class _LearningCurves:
    """The validated epochs; arrays of one length, all finite."""

    epochs: NDArray[np.integer]
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def third(self) -> int:
        """How many epochs the last third has."""
        return max(_FEWEST_IN_THIRD, len(self) // 3)

    @property
    def gaps(self) -> NDArray[np.float64]:
        return self.accuracy - self.val_accuracy

    def gap(self, place: int) -> Gap:
        return Gap(
            int(self.epochs[place]),
            float(self.val_loss[place] - self.loss[place]),
            float(self.gaps[place]),
        )

    def course(self, values: NDArray[np.float64], place: int, of: str = "") -> dict[str, str]:
        """What sentences name of losses from ``place`` to their end, with ``of`` before it."""
        return {
            f"{of}start": format_loss(values[place]),
            f"{of}first": str(self.epochs[place]),
            f"{of}end": format_loss(values[-1]),
            f"{of}last": str(self.epochs[-1]),
        }


def format_loss(loss: float) -> str:
    """Such as ``0.796``, or ``1.23e+04``: at least three digits that count."""
    return f"{loss:.3f}" if 0.1 <= abs(loss) < 1000 else f"{loss:.3g}"


def _diverging(curves: _LearningCurves) -> Fit | None:
    """Training loss rises, and validation loss with it."""
    train, held_out = curves.loss, curves.val_loss
    before = train[:-1]
    noise = _noise(before, int(before.argmin()))
    worse_than_at_first = train[-1] - train[0] > max(_LEAST_RISE * abs(train[0]), _NOISES * noise)
    if turn_of(train) is None and not worse_than_at_first:
        return None
    lowest = int(held_out.argmin())
    if held_out[-1] - held_out[lowest] <= _LEAST_RISE * abs(held_out[lowest]):
        return None
    reason = sentences.BOTH_RISE.format(
        **curves.course(train, int(train.argmin()), "train_"), **curves.course(held_out, lowest)
    )
    return Fit("diverging", reason, at_end=curves.gap(-1))


def _overfitting(curves: _LearningCurves) -> Fit | None:
    """By the loss: validation turned, and training went on."""
    place = turn_of(curves.val_loss)
    if place is None:
        return None
    train = curves.loss
    at_turn, end = curves.gap(place), curves.gap(-1)
    named = curves.course(curves.val_loss, place) | curves.course(train, place, "train_")
    if train[-1] >= train[place]:
        reason = sentences.ONLY_VALIDATION_RISES.format(**named)
        return Fit("diverging", reason, at_end=end)
    reason = sentences.TURNED.format(**named)
    return Fit("overfitting", reason, at_turn.epoch, at_turn, end, at_turn.epoch)


def _by_course(
    curves: _LearningCurves, end: Gap, classes: int | None, ending: Ending, planned: int | None
) -> Fit:
    """What the last third of the epochs says, where validation loss has not turned."""
    first = len(curves) - curves.third
    points = f"{100 * abs(end.accuracy):.1f}"
    named: dict[str, Any] = {
        **curves.course(curves.val_loss, first),
        "count": curves.third,
        "points": points,
        "train": f"{curves.accuracy[-1]:.1%}",
        "validation": f"{curves.val_accuracy[-1]:.1%}",
    }
    is_wide = end.accuracy >= WIDE_GAP
    if _falls(curves.val_loss, curves.third):
        fell = sentences.STILL_FALLS_FAR_BEHIND if is_wide else sentences.STILL_FALLS
        reason = fell.format(**named) + _cut_short(end.epoch, ending, planned)
        return Fit("stopped" if ending == "stopped" else "still improving", reason, at_end=end)
    last = curves.val_loss[first:]
    level = float(np.abs(last).mean())  # rounding may leave a loss of 0 a little below
    noise = _noise(curves.val_loss, int(curves.val_loss.argmin()))
    step = float(np.abs(np.diff(last)).mean())
    if min(noise, step) > _MUCH_NOISE * level:
        return Fit("noisy", sentences.NOISY.format(**named, step=step / level), at_end=end)
    change, by_chance = _relative_change(curves.val_loss, curves.third)
    is_level = abs(change) <= max(_LEAST_CHANGE, min(by_chance, _MUCH_NOISE))
    moved = abs(last[-1] - last[0])
    direction: Direction = "level" if moved <= _LEAST_CHANGE * level else "unclear"
    if not is_level:
        direction = "changing"
    if is_wide and float(np.median(curves.gaps[first:])) >= WIDE_GAP:
        return Fit(
            "overfitting",
            sentences.WIDE_GAP[direction].format(**named),
            at_end=end,
            overfits_after=_wide_after(curves),
        )
    if ending != "finished":
        so_far = _cut_short(end.epoch, ending, planned)
        verdict: Verdict = "stopped" if ending == "stopped" else "too early"
        return Fit(verdict, sentences.SO_FAR[direction].format(**named) + so_far, at_end=end)
    if not is_level:
        return Fit("too early", sentences.TOO_LITTLE.format(**named), at_end=end)
    chance = 0.0 if classes is None else 1 / classes
    hits = float(curves.accuracy[-1])
    if hits >= (1 + chance) / 2:
        side: Side = "ahead" if end.accuracy > 0 else "behind"
        if points == "0.0":
            side = "level"
        return Fit("good", sentences.GOOD_FIT[direction, side].format(**named), at_end=end)
    named |= curves.course(curves.loss, first) | {"low": curves.accuracy[first], "high": hits}
    if _gains(curves):
        return Fit("still improving", sentences.STILL_LEARNS.format(**named), at_end=end)
    guesses = classes is not None and hits <= _NEAR_CHANCE * chance
    reason = (sentences.GUESSES if guesses else sentences.UNDERFITS).format(
        **named, classes=classes, chance=chance
    )
    return Fit("underfitting", reason, at_end=end)


def _too_few(curves: _LearningCurves, ending: Ending, planned: int | None) -> str:
    few = sentences.ONE_IS_TOO_FEW if len(curves) == 1 else sentences.TOO_FEW
    cut = _cut_short(int(curves.epochs[-1]), ending, planned) if len(curves) else ""
    return few.format(count=len(curves), fewest=FEWEST_EPOCHS) + cut


def _cut_short(epoch: int, ending: Ending, planned: int | None) -> str:
    """A sentence, after a space, on what was still to come of a run that did not end by itself."""
    match ending:
        case "running":
            return f" {sentences.GOES_ON}"
        case "stopped":
            short = sentences.CUT_SHORT if planned is None else sentences.CUT_SHORT_OF
            return f" {short.format(epoch=epoch, planned=planned)}"
    return ""


def _wide_after(curves: _LearningCurves) -> int:
    """The last epoch before the gap in accuracy was wide for good."""
    narrow = np.flatnonzero(curves.gaps < WIDE_GAP)
    return int(curves.epochs[narrow[-1]]) if narrow.size else int(curves.epochs[0]) - 1


def _gains(curves: _LearningCurves) -> bool:
    """Whether training got better over the last third of the epochs."""
    third = curves.third
    by_accuracy = np.polyfit(np.arange(third), curves.accuracy[-third:], 1)[0] * (third - 1)
    risen = max(by_accuracy, float(curves.accuracy[-1] - curves.accuracy[-third]))
    return bool(risen >= _LEAST_GAIN or _relative_change(curves.loss, third)[0] <= -_LEAST_CHANGE)


def _relative_change(losses: NDArray[np.float64], count: int) -> tuple[float, float]:
    """How the last ``count`` epochs go by a straight line through them, as a share of their mean.

    With it, what noise may make of that.
    """
    last = losses[-count:]
    level = max(abs(float(last.mean())), float(np.finfo(np.float64).tiny))
    noise = _noise(losses, int(losses.argmin()))
    change = float(np.polyfit(np.arange(count), last, 1)[0]) * (count - 1)
    spread = noise * (count - 1) * sqrt(12 / (count * (count**2 - 1)))
    return change / level, _DEVIATIONS * spread / level


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


def _falls(losses: NDArray[np.float64], count: int) -> bool:
    """Whether the last ``count`` epochs fall beyond noise, and are lowest at their end."""
    change, by_chance = _relative_change(losses, count)
    last = losses[-count:]
    at_end = int(last.argmin()) >= count - max(1, count // 3) and last[-1] < last[0]
    return bool(at_end and -change >= max(_LEAST_CHANGE, by_chance))


def _numbers(values: Numbers) -> NDArray[np.float64]:
    return np.array([np.nan if one is None else one for one in values], np.float64)
