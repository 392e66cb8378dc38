"""Verdicts on learning curves: overfitting, good fit, underfitting and others; pure NumPy.

**Where overfitting starts.** The validation loss is smoothed: each epoch is averaged with ``h``
epochs on either side, where ``h`` is a tenth of the epochs, at least 1; towards both ends the
window shrinks on both sides. The loss *rises* if the mean of its last ``h`` epochs lies above the
lowest point of the smoothed curve by more than 2 % of it and by more than 5 times the noise of that
difference, the last epoch lies 2 % above the lowest as well, and two epochs or more have come since
the lowest. Overfitting then starts after the epoch with the lowest *measured* loss: smoothing
decides whether the loss rises, not where. Only the end of the curve counts: a loss that rose and
fell again does not rise.

**The noise** of an epoch is the larger of two estimates: the mean of the steps against the trend
(up before the lowest epoch, down after it) times √π, since half of the steps of a level, noisy
curve go against it and their mean over all steps is σ/√π; and, with 10 epochs or more, the median
absolute second difference of the last two thirds, whose deviation is σ√6.

Of 400 curves that fall to a level and jitter there (σ from 0.005 to 0.1), at most 1.5 % are found
to rise at any length of 10 to 100 epochs; of 8 epochs up to 7 %.

**The verdict** is the first of these that holds:

1. *no validation*: the run has no validation images.
2. *too early to say*: fewer than 4 validated epochs.
3. *diverging*: training loss rises at the end, by the same rule or to more than it was after the
   first epoch, and validation loss is above its lowest. (Also, after any number of epochs, where
   training loss is no longer finite.)
4. *overfitting*: validation loss rises, and training loss is lower than where that began.
   (Otherwise *diverging*.)
5. *still improving*: validation loss falls over the last third of the epochs (at least 3) by 3 % or
   more, beyond its noise, and is lowest at their end.
6. *noisy*: one epoch's validation loss deviates from the trend by more than 10 %, and by more than
   1 millinat.
7. *overfitting*, by the gap alone: training accuracy is 10 points or more ahead of validation at
   the end, and in most of the last third.
8. *too early to say* for a run that still trains, *incomplete* for one that was cut short.
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
from cifarviz.analysis.verdict_sentences import GapSign, Trend
from cifarviz.datasets.registry import find_dataset
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

VERDICT_LABELS: Final[dict[Verdict, str]] = {
    "overfitting": "overfitting",
    "good": "good fit",
    "underfitting": "underfitting",
    "still improving": "still improving",
    "noisy": "noisy",
    "diverging": "diverging",
    "stopped": "incomplete",
    "too early": "too early to say",
    "not measured": "no validation",
}

Ending = Literal["running", "finished", "stopped"]
"""``finished``: the run ended by itself, also by early stopping."""

FEWEST_EPOCHS: Final = 4
"""With fewer validated epochs there is no verdict."""
WIDE_GAP: Final = 0.10
"""Difference of training and validation accuracy, 0 to 1, from which on the network overfits."""

_LEAST_RISE = 0.02
_NOISES = 5.0
_EPOCHS_SINCE = 2
_LEAST_CHANGE = 0.03
"""Relative change of a loss over the last third of the epochs; less is level."""
_LEAST_GAIN = 0.01
"""Gain of training accuracy over the last third of the epochs; less is level."""
_DEVIATIONS = 2.0
_MUCH_NOISE = 0.10
# In nats: changes of a loss so small are no noise that anybody could see.
_TINY_LOSS = 0.01
_FEWEST_IN_THIRD = 3
_NEAR_CHANCE = 1.2
_FEWEST_FOR_CURVATURE = 10
_TENTH = 10

LOSS_RULE: Final = (
    "Overfitting starts after the epoch with the lowest validation loss, if the loss rises from "
    "there: the mean of the last tenth of the epochs (at least 1) lies above the lowest point of "
    f"the smoothed loss by more than {_LEAST_RISE:.0%} and by more than {_NOISES:.0f} times its "
    f"noise, and at least {_EPOCHS_SINCE} epochs have come since the lowest. Smoothing averages "
    "each epoch with a tenth of all epochs on either side."
)
"""How the validation loss shows where overfitting starts, as a page explains it."""

START_RULE: Final = (
    f"{LOSS_RULE} If the loss does not rise, overfitting starts after the last epoch before "
    f"training accuracy stayed at least {100 * WIDE_GAP:.0f} points ahead of validation accuracy, "
    "but not before the epoch with the lowest validation loss."
)
"""How the loss or the gap shows where overfitting starts, as a page explains it."""

Numbers = Sequence[float | None] | NDArray[np.floating]


@dataclass(frozen=True)
class Gap:
    """Generalisation gap after ``epoch``.

    ``loss`` is validation loss minus training loss, in nats; ``accuracy`` is training accuracy
    minus validation accuracy, −1 to 1. Both may be negative, as with dropout or augmentation,
    which only make training harder.
    """

    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Fit:
    """A verdict on a history, with its ``reason`` in one to three sentences.

    ``overfitting_start`` is the epoch after which validation loss rises while training loss falls,
    and ``gap_at_start`` the gap there; both are ``None`` if the loss does not rise.
    ``overfits_after`` is the same epoch or, if only the gap shows overfitting, the last epoch
    before the gap was wide or the one with the lowest validation loss, whichever is later; ``None``
    if that is the last. ``gap_at_end`` is ``None`` without validation.
    """

    verdict: Verdict
    reason: str
    overfitting_start: int | None = None
    gap_at_start: Gap | None = None
    gap_at_end: Gap | None = None
    overfits_after: int | None = None


def smoothed(values: NDArray[np.floating], reach: int) -> NDArray[np.float64]:
    """Centred moving average over ``reach`` values on either side, fewer on both at the ends.

    Values that are not finite become NaN and are left out of their neighbours' means.
    """
    values = np.asarray(values, np.float64)
    result = np.full(values.size, np.nan)
    for index in map(int, np.flatnonzero(np.isfinite(values))):
        half = min(reach, index, values.size - 1 - index)
        result[index] = np.nanmean(values[index - half : index + half + 1])
    return result


def find_rise(values: Numbers) -> int | None:
    """Position of the lowest loss if the losses rise from there, by the rule above, else ``None``.

    Values that are not finite are ignored.
    """
    numbers = _numbers(values)
    finite = np.flatnonzero(np.isfinite(numbers))
    losses = numbers[finite]
    if losses.size < FEWEST_EPOCHS:
        return None
    lowest = int(losses.argmin())
    if losses.size - 1 - lowest < _EPOCHS_SINCE:
        return None
    reach = _reach(losses.size)
    floor = float(smoothed(losses, reach).min())
    rise = float(losses[-reach:].mean()) - floor
    # Noise of the mean at the end, and of the smallest of many means, which is biased low.
    noise = _noise(losses, lowest) * sqrt(1 / reach + 1 / (2 * reach + 1))
    least = _LEAST_RISE * abs(floor)
    if rise <= max(least, _NOISES * noise) or losses[-1] - losses[lowest] <= least:
        return None
    return int(finite[lowest])


def gap_after(history: Sequence[Epoch], epoch: int) -> Gap | None:
    """The gap after ``epoch``; ``None`` without that epoch or without validation."""
    for row in history:
        if row.epoch == epoch and row.val_loss is not None and row.val_accuracy is not None:
            return Gap(epoch, row.val_loss - row.loss, row.accuracy - row.val_accuracy)
    return None


def judge_run(run: Run, history: Sequence[Epoch]) -> Fit:
    """The verdict on the epochs of ``run``, of a fork on its own epochs only.

    Every page, the report and the Lab get their verdicts here. How the run ended and how many
    classes it has come from the run's record.
    """
    classes: int | None = None
    planned: int | None = None
    # The curves can be judged even if the experiment cannot be read.
    with suppress(CifarvizError):
        classes, planned = (
            len(find_dataset(run.experiment.data.dataset).classes),
            run.experiment.epochs,
        )
    ending: Ending = "stopped"
    if run.state.active:
        ending = "running"
    elif run.state is RunState.FINISHED:
        ending = "finished"
    return judge(
        [row.epoch for row in history],
        [row.loss for row in history],
        [row.accuracy for row in history],
        [row.val_loss for row in history],
        [row.val_accuracy for row in history],
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

    ``classes`` is the number of classes, ``planned`` the number of epochs the run was to have;
    ``None`` if unknown.
    """
    numbers = [_numbers(values) for values in (loss, accuracy, val_loss, val_accuracy)]
    if len(epochs) and not np.isfinite(numbers[2]).any():
        return Fit("not measured", sentences.NOT_MEASURED)
    measured = np.isfinite(np.array(numbers)).all(axis=0) if len(epochs) else np.zeros(0, bool)
    curves = _LearningCurves(
        np.asarray(epochs)[measured], *(values[measured] for values in numbers)
    )
    end = curves.gap(-1) if len(curves) else None
    if len(epochs) and not np.isfinite(numbers[0][-1]):
        reason = sentences.NOT_FINITE.format(epoch=epochs[-1])
        return Fit("diverging", reason, gap_at_end=end)
    if len(curves) < FEWEST_EPOCHS or end is None:
        return Fit("too early", _too_few(curves, ending, planned), gap_at_end=end)
    return (
        _diverging(curves)
        or _overfitting(curves)
        or _from_last_third(curves, end, classes, ending, planned)
    )


@dataclass(frozen=True, eq=False)
class _LearningCurves:
    """Values after each validated epoch; arrays of one length, all finite."""

    epochs: NDArray[np.integer]
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def third(self) -> int:
        """Number of epochs in the last third, at least 3."""
        return max(_FEWEST_IN_THIRD, len(self) // 3)

    @property
    def gaps(self) -> NDArray[np.float64]:
        return self.accuracy - self.val_accuracy

    def gap(self, index: int) -> Gap:
        return Gap(
            int(self.epochs[index]),
            float(self.val_loss[index] - self.loss[index]),
            float(self.gaps[index]),
        )

    def fields(self, values: NDArray[np.float64], index: int, prefix: str = "") -> dict[str, str]:
        """Template fields for losses from ``index`` to their end; names begin with ``prefix``."""
        return {
            f"{prefix}start": format_loss(values[index]),
            f"{prefix}first": str(self.epochs[index]),
            f"{prefix}end": format_loss(values[-1]),
            f"{prefix}last": str(self.epochs[-1]),
        }


def format_loss(loss: float) -> str:
    """Format a loss with at least three significant digits: ``0.796`` or ``1.23e+04``."""
    return f"{loss:.3f}" if 0.1 <= abs(loss) < 1000 else f"{loss:.3g}"


def _diverging(curves: _LearningCurves) -> Fit | None:
    """*Diverging* if training loss and validation loss rise, else ``None``."""
    train, validation = curves.loss, curves.val_loss
    before = train[:-1]
    noise = _noise(before, int(before.argmin()))
    above_first = train[-1] - train[0] > max(_LEAST_RISE * abs(train[0]), _NOISES * noise)
    if find_rise(train) is None and not above_first:
        return None
    lowest = int(validation.argmin())
    if validation[-1] - validation[lowest] <= _LEAST_RISE * abs(validation[lowest]):
        return None
    reason = sentences.BOTH_RISE.format(
        **curves.fields(train, int(train.argmin()), "train_"), **curves.fields(validation, lowest)
    )
    return Fit("diverging", reason, gap_at_end=curves.gap(-1))


def _overfitting(curves: _LearningCurves) -> Fit | None:
    """*Overfitting* if validation loss rises and training loss falls, else ``None``."""
    lowest = find_rise(curves.val_loss)
    if lowest is None:
        return None
    train = curves.loss
    start, end = curves.gap(lowest), curves.gap(-1)
    fields = curves.fields(curves.val_loss, lowest) | curves.fields(train, lowest, "train_")
    if train[-1] >= train[lowest]:
        reason = sentences.ONLY_VALIDATION_RISES.format(**fields)
        return Fit("diverging", reason, gap_at_end=end)
    reason = sentences.LOSS_OVERFITS.format(**fields)
    return Fit("overfitting", reason, start.epoch, start, end, start.epoch)


def _from_last_third(
    curves: _LearningCurves, end: Gap, classes: int | None, ending: Ending, planned: int | None
) -> Fit:
    """The verdict from the last third of the epochs, where validation loss does not rise."""
    first = len(curves) - curves.third
    points = f"{100 * abs(end.accuracy):.1f}"
    fields: dict[str, Any] = {
        **curves.fields(curves.val_loss, first),
        "count": curves.third,
        "points": points,
        "train": f"{curves.accuracy[-1]:.1%}",
        "validation": f"{curves.val_accuracy[-1]:.1%}",
    }
    unfinished = _unfinished(end.epoch, ending, planned)

    def fit(verdict: Verdict, *templates: str, overfits_after: int | None = None) -> Fit:
        reason = " ".join(template.format(**fields) for template in templates)
        return Fit(verdict, reason, gap_at_end=end, overfits_after=overfits_after)

    is_wide = end.accuracy >= WIDE_GAP
    if _falls(curves.val_loss, curves.third):
        watch = [sentences.WATCH_THE_GAP] if is_wide else []
        verdict: Verdict = "stopped" if ending == "stopped" else "still improving"
        return fit(verdict, sentences.STILL_FALLS, *watch, *unfinished)
    last = curves.val_loss[first:]
    # Rounding may leave a loss of 0 slightly negative.
    level = float(np.abs(last).mean())
    noise = _noise(curves.val_loss, int(curves.val_loss.argmin()))
    step = float(np.abs(np.diff(last)).mean())
    if min(noise, step) > _MUCH_NOISE * max(level, _TINY_LOSS):
        fields["step"] = step / level
        return fit("noisy", sentences.NOISY)
    change, by_chance = _relative_change(curves.val_loss, curves.third)
    is_level = level < _TINY_LOSS or abs(change) <= max(_LEAST_CHANGE, min(by_chance, _MUCH_NOISE))
    moved = abs(last[-1] - last[0])
    trend: Trend = "level" if moved <= _LEAST_CHANGE * level else "unclear"
    if not is_level:
        trend = "changing"
    if is_wide and float(np.median(curves.gaps[first:])) >= WIDE_GAP:
        after = _wide_after(curves)
        return fit(
            "overfitting", sentences.GAP_OVERFITS, sentences.TRENDS[trend], overfits_after=after
        )
    if ending != "finished":
        verdict = "stopped" if ending == "stopped" else "too early"
        return fit(verdict, sentences.TRENDS[trend], *unfinished)
    if not is_level:
        return fit("too early", sentences.TOO_LITTLE)
    chance = 0.0 if classes is None else 1 / classes
    accuracy = float(curves.accuracy[-1])
    if accuracy >= (1 + chance) / 2:
        sign: GapSign = "ahead" if end.accuracy > 0 else "behind"
        if points == "0.0":
            sign = "level"
        trend_and_gap = sentences.TRENDS[trend], sentences.GAPS[sign]
        return fit("good", sentences.NO_OVERFITTING, *trend_and_gap)
    fields |= curves.fields(curves.loss, first)
    fields |= {"low": curves.accuracy[first], "high": accuracy}
    if _gains(curves):
        return fit("still improving", sentences.STILL_LEARNS)
    fields |= {"classes": classes, "chance": chance}
    guesses = classes is not None and accuracy <= _NEAR_CHANCE * chance
    return fit("underfitting", sentences.GUESSES if guesses else sentences.UNDERFITS)


def _too_few(curves: _LearningCurves, ending: Ending, planned: int | None) -> str:
    template = sentences.ONE_IS_TOO_FEW if len(curves) == 1 else sentences.TOO_FEW
    too_few = template.format(count=len(curves), fewest=FEWEST_EPOCHS)
    unfinished = _unfinished(int(curves.epochs[-1]), ending, planned) if len(curves) else []
    return " ".join([too_few, *unfinished])


def _unfinished(epoch: int, ending: Ending, planned: int | None) -> list[str]:
    """A sentence if the run has not finished by itself."""
    if ending == "finished":
        return []
    if ending == "running":
        return [sentences.UNFINISHED]
    template = sentences.CUT_SHORT if planned is None else sentences.CUT_SHORT_OF
    return [template.format(epoch=epoch, planned=planned)]


def _wide_after(curves: _LearningCurves) -> int | None:
    """The last epoch before the gap stayed wide, not before validation loss was lowest."""
    narrow = np.flatnonzero(curves.gaps < WIDE_GAP)
    # Before its lowest loss a network still gets better on images that it never learned from.
    start = max([int(curves.val_loss.argmin()), *narrow.tolist()])
    return None if start == len(curves) - 1 else int(curves.epochs[start])


def _gains(curves: _LearningCurves) -> bool:
    """Whether training improved over the last third of the epochs, and ended better."""
    third = curves.third
    if curves.accuracy[-1] <= curves.accuracy[-third] and curves.loss[-1] >= curves.loss[-third]:
        return False
    by_accuracy = np.polyfit(np.arange(third), curves.accuracy[-third:], 1)[0] * (third - 1)
    risen = max(by_accuracy, float(curves.accuracy[-1] - curves.accuracy[-third]))
    return bool(risen >= _LEAST_GAIN or _relative_change(curves.loss, third)[0] <= -_LEAST_CHANGE)


def _relative_change(losses: NDArray[np.float64], count: int) -> tuple[float, float]:
    """Change over the last ``count`` epochs by linear regression, and what noise may add to it.

    Both are relative to the mean loss of these epochs.
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
    """Standard deviation of one epoch's loss around the trend, as the module describes."""
    steps = np.diff(losses)
    sides = (steps[:lowest], -steps[lowest:])
    # The larger side: a steep fall has no step up, however noisy the rest is.
    noise = max(float(np.maximum(side, 0).mean()) for side in sides if side.size) * sqrt(pi)
    # In a short curve the second differences are its own curvature.
    if losses.size < _FEWEST_FOR_CURVATURE:
        return noise
    curvature = float(np.median(np.abs(np.diff(losses[losses.size // 3 :], 2)))) / (
        0.6745 * sqrt(6)
    )
    return max(noise, curvature)


def _falls(losses: NDArray[np.float64], count: int) -> bool:
    """Whether the last ``count`` epochs fall beyond noise, and are lowest at their end."""
    change, by_chance = _relative_change(losses, count)
    last = losses[-count:]
    at_end = int(last.argmin()) >= count - max(1, count // 3) and last[-1] < last[0]
    return bool(at_end and -change >= max(_LEAST_CHANGE, by_chance))


def _numbers(values: Numbers) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)
