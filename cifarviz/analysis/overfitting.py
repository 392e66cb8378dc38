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
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

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
        return Fit(
            "not measured",
            "No images were held back for validation, so overfitting cannot be seen.",
        )
    measured = np.isfinite(np.array(numbers)).all(axis=0) if len(epochs) else np.zeros(0, bool)
    curves = _LearningCurves(np.asarray(epochs)[measured], *(one[measured] for one in numbers))
    end = curves.gap(-1) if len(curves) else None
    if len(epochs) and not np.isfinite(numbers[0][-1]):
        return Fit(
            "diverging", f"After epoch {epochs[-1]} training loss is no finite number.", at_end=end
        )
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

    def course(self, values: NDArray[np.float64], place: int) -> str:
        """``from 0.796 after epoch 9 to 1.656 after epoch 30``."""
        return (
            f"from {format_loss(values[place])} after epoch {self.epochs[place]} to "
            f"{format_loss(values[-1])} after epoch {self.epochs[-1]}"
        )


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
    return Fit(
        "diverging",
        f"Training loss rises, {curves.course(train, int(train.argmin()))}, and so does validation "
        f"loss, {curves.course(held_out, lowest)}.",
        at_end=curves.gap(-1),
    )


def _overfitting(curves: _LearningCurves) -> Fit | None:
    """By the loss: validation turned, and training went on."""
    place = turn_of(curves.val_loss)
    if place is None:
        return None
    train = curves.loss
    at_turn, end = curves.gap(place), curves.gap(-1)
    if train[-1] >= train[place]:
        return Fit(
            "diverging",
            f"Validation loss rises, {curves.course(curves.val_loss, place)}, and training loss "
            f"does not fall meanwhile, {curves.course(train, place)}.",
            at_end=end,
        )
    reason = (
        f"Validation loss was lowest after epoch {at_turn.epoch}: it rose from "
        f"{format_loss(curves.val_loss[place])} to {format_loss(curves.val_loss[-1])} after epoch "
        f"{end.epoch}, while training loss went from {format_loss(train[place])} to "
        f"{format_loss(train[-1])}."
    )
    return Fit("overfitting", reason, at_turn.epoch, at_turn, end, at_turn.epoch)


def _by_course(
    curves: _LearningCurves, end: Gap, classes: int | None, ending: Ending, planned: int | None
) -> Fit:
    """What the last third of the epochs says, where validation loss has not turned."""
    first = len(curves) - curves.third
    course = curves.course(curves.val_loss, first)
    is_wide = end.accuracy >= WIDE_GAP
    both = f"{curves.accuracy[-1]:.1%} and {curves.val_accuracy[-1]:.1%}"
    ahead = f"training accuracy is {_ahead(end.accuracy)} validation ({both})"
    if _falls(curves.val_loss, curves.third):
        after = f"; {ahead}" if is_wide else ""
        cut = _cut_short(end.epoch, ending, planned)
        reason = (
            f"Over the last {curves.third} epochs validation loss still fell, {course}{after}.{cut}"
        )
        return Fit("stopped" if ending == "stopped" else "still improving", reason, at_end=end)
    last = curves.val_loss[first:]
    level = float(np.abs(last).mean())  # rounding may leave a loss of 0 a little below
    noise = _noise(curves.val_loss, int(curves.val_loss.argmin()))
    step = float(np.abs(np.diff(last)).mean())
    if min(noise, step) > _MUCH_NOISE * level:
        return Fit(
            "noisy",
            f"Over the last {len(last)} epochs validation loss jumps by {step / level:.0%} a step "
            f"on average, too much to see where it goes; it went {course}.",
            at_end=end,
        )
    change, by_chance = _change(curves.val_loss, curves.third)
    is_level = abs(change) <= max(_LEAST_CHANGE, min(by_chance, _MUCH_NOISE))
    moved = abs(last[-1] - last[0])
    word = "stays level" if moved <= _LEAST_CHANGE * level else "shows no clear direction"
    goes = f"{word if is_level else 'changes'}, {course}"
    if is_wide and float(np.median(curves.gaps[first:])) >= WIDE_GAP:
        return Fit(
            "overfitting",
            f"{ahead.capitalize()}, while validation loss {goes}.",
            at_end=end,
            overfits_after=_wide_after(curves),
        )
    if ending != "finished":
        so_far = _cut_short(end.epoch, ending, planned)
        verdict: Verdict = "stopped" if ending == "stopped" else "too early"
        return Fit(verdict, f"Validation loss {goes}.{so_far}", at_end=end)
    if not is_level:
        return Fit(
            "too early",
            f"Validation loss went {course}: too little, or for too few epochs, to say where it "
            "goes.",
            at_end=end,
        )
    chance = 0.0 if classes is None else 1 / classes
    hits = float(curves.accuracy[-1])
    if hits >= (1 + chance) / 2:
        return Fit("good", f"Validation loss {goes}, and {ahead}.", at_end=end)
    learned = (
        f"from {curves.accuracy[first]:.1%} after epoch {curves.epochs[first]} to {hits:.1%} after "
        f"epoch {end.epoch}"
    )
    if _gains(curves):
        return Fit(
            "still improving",
            f"Training still improved at the end: its accuracy went {learned}, its loss "
            f"{curves.course(curves.loss, first)}.",
            at_end=end,
        )
    guessing = ""
    if classes is not None and hits <= _NEAR_CHANCE * chance:
        guessing = f", about what guessing among {classes} classes gives ({chance:.1%})"
    return Fit(
        "underfitting",
        f"Even of the images it learns from, it gets only {hits:.1%} right{guessing}, and "
        f"hardly improves any more: training accuracy went {learned}.",
        at_end=end,
    )


def _too_few(curves: _LearningCurves, ending: Ending, planned: int | None) -> str:
    count = f"{len(curves)} epoch{' is' if len(curves) == 1 else 's are'}"
    cut = _cut_short(int(curves.epochs[-1]), ending, planned) if len(curves) else ""
    return f"{count} too few to judge the curves by; it takes {FEWEST_EPOCHS} or more.{cut}"


def _cut_short(epoch: int, ending: Ending, planned: int | None) -> str:
    """A sentence on what was still to come of a run that did not end by itself."""
    of = "" if planned is None else f" of {planned}"
    match ending:
        case "running":
            return " The run goes on."
        case "stopped":
            return f" The run was cut short after epoch {epoch}{of}."
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
    return bool(risen >= _LEAST_GAIN or _change(curves.loss, third)[0] <= -_LEAST_CHANGE)


def _change(losses: NDArray[np.float64], count: int) -> tuple[float, float]:
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
    change, by_chance = _change(losses, count)
    last = losses[-count:]
    at_end = int(last.argmin()) >= count - max(1, count // 3) and last[-1] < last[0]
    return bool(at_end and -change >= max(_LEAST_CHANGE, by_chance))


def _ahead(gap: float) -> str:
    points = f"{100 * abs(gap):.1f}"
    if points == "0.0":
        return "level with"
    return f"{points} points {'ahead of' if gap > 0 else 'behind'}"


def _numbers(values: Numbers) -> NDArray[np.float64]:
    return np.array([np.nan if one is None else one for one in values], np.float64)
