"""What the runs of a lab experiment came to, and the verdict on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

import numpy as np

from cifarviz.analysis.memorisation import LabelMemorisation, half_learned_by
from cifarviz.analysis.overfitting import VERDICT_WORDS, Fit, judge_run
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import restored_best_weights


@dataclass(frozen=True)
class Result:
    """A run up to an epoch, by the epoch whose weights it has then.

    ``label`` is what it has and the others don't. ``trained`` of ``planned`` epochs are done, and
    the first ``epochs`` of them are looked at; ``kept`` is the epoch of its weights, an earlier
    one where early stopping gave those back. Losses in nats, accuracies 0–1, both after ``kept``.
    ``ended``: it is over by itself, not stopped. ``train_images`` and ``validation_images``: how
    many it learned from and was measured on.
    """

    label: str
    epochs: int
    trained: int
    planned: int
    kept: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    lowest_val_loss: float
    fit: Fit
    ended: bool
    train_images: int
    validation_images: int

    @property
    def gap(self) -> float:
        """How far training accuracy is ahead of validation, −1 to 1."""
        return self.accuracy - self.val_accuracy


# Points of accuracy that a gap must change by before it is called larger or smaller.
_GAP_CHANGE = 0.03

# More of the wrong labels than this are known by heart: of guesses, one in nine would hit.
_LEARNED = 0.3


@dataclass(frozen=True)
class LabVerdict:
    """``shown``: the effect that was promised came; ``headline`` and ``sentences`` say it."""

    shown: bool
    headline: str
    sentences: tuple[str, ...]


def duel_verdict(results: Sequence[Result]) -> LabVerdict:
    """Which of two or three runs is better, by how much, and how much each overfits."""
    best, *others = sorted(results, key=lambda one: -one.val_accuracy)
    second = others[0]
    widest = max(results, key=lambda one: one.gap)
    narrowest = min(results, key=lambda one: one.gap)
    less = widest.gap - narrowest.gap >= _GAP_CHANGE
    better = _differ(best, second)
    if better:
        against = " and ".join(f"{one.val_accuracy:.1%} with {one.label}" for one in others)
        headline = (
            f"Better with {best.label}: {best.val_accuracy:.1%} of the validation images right, "
            f"against {against} ({_points(best.val_accuracy - second.val_accuracy)})."
        )
    elif less:
        headline = (
            f"Less overfitting with {narrowest.label}: training is ahead of validation by "
            f"{_size(narrowest.gap)}, not by {_size(widest.gap)} as with {widest.label}."
        )
    else:
        headline = "No difference that could be shown: they learn, and overfit, about as much."
    gaps = _listed([f"{_size(one.gap)} with {one.label}" for one in results])
    if not less:
        ahead = "Training is ahead of validation by {gaps}: about as much each."
    elif len(results) == 2:
        ahead = "Training is ahead of validation by {gaps}: {label} overfits less."
    else:
        ahead = "Training is ahead of validation by {gaps}: {label} overfits least."
    sentences = [ahead.format(gaps=gaps, label=narrowest.label)]
    if not better:
        sentences.append(
            f"On new images there is no winner: {best.val_accuracy:.1%} right with {best.label} "
            f"and {second.val_accuracy:.1%} with {second.label}, and {best.validation_images:,} "
            f"images can't tell less than {_allowance(best, second):.1f} points apart."
        )
    return LabVerdict(better or less, headline, (*sentences, _turns(results), *_cut_short(results)))


def memorisation_verdict(
    wrong: Result, right: Result | None, memory: LabelMemorisation
) -> LabVerdict:
    """Whether wrong labels were learned, and when; ``right`` is the run without any."""
    false_half, true_half = map(half_learned_by, (memory.false_learned, memory.true_learned))
    known = float(memory.false_known[-1])
    later = false_half is None or (true_half is not None and false_half > true_half)
    shown = known > _LEARNED and later and true_half is not None
    count = len(memory.false_learned)
    if known > _LEARNED:
        headline = (
            f"It has learned wrong labels by heart: after epoch {int(memory.epochs[-1])} it gives "
            f"{known:.1%} of {count:,} images the wrong label they were trained with."
        )
    else:
        headline = (
            f"It has hardly learned the wrong labels: after epoch {int(memory.epochs[-1])} it "
            f"gives only {known:.1%} of {count:,} images theirs; train for longer or on fewer "
            "images."
        )
    order = (
        "Half of the right labels were learned for good by {right}, half of the wrong ones by "
        "{wrong}: what is true of many images comes first."
        if later
        else "Half of the right labels were learned for good by {right}, half of the wrong ones by "
        "{wrong}."
    ).format(right=_epoch(true_half), wrong=_epoch(false_half))
    place = int(np.nanargmax(memory.seen_through))
    seen = (
        f"It saw through them best after epoch {int(memory.epochs[place])}, when it gave "
        f"{memory.seen_through[place]:.1%} of these images their right label, which it was never "
        f"shown; at the end it does so with {memory.seen_through[-1]:.1%}."
    )
    sentences = [order, seen]
    if right is not None:
        lost = right.val_accuracy - wrong.val_accuracy
        compared = (
            "Of images it has never seen it gets {wrong:.1%} right, and {right:.1%} when trained "
            "with right labels only: it costs {lost} of validation accuracy."
            if lost > 0 and _differ(right, wrong)
            else "Of images it has never seen it gets {wrong:.1%} right, and {right:.1%} when "
            "trained with right labels only: no loss that so few validation images could show."
        )
        sentences.append(
            compared.format(wrong=wrong.val_accuracy, right=right.val_accuracy, lost=_size(lost))
        )
    both = [wrong] if right is None else [wrong, right]
    return LabVerdict(shown, headline, (*sentences, _turns(both), *_cut_short(both)))


def sizes_verdict(results: Sequence[Result]) -> LabVerdict:
    """Whether more images help; ``results`` in the order of their number."""
    few, many = results[0], results[-1]
    gained = many.val_accuracy - few.val_accuracy
    shown = gained > 0 and _differ(few, many)
    if shown:
        headline = (
            f"From {few.train_images:,} to {many.train_images:,} training images validation "
            f"accuracy rises from {few.val_accuracy:.1%} to {many.val_accuracy:.1%} "
            f"({_points(gained)})."
        )
    else:
        headline = (
            f"From {few.train_images:,} to {many.train_images:,} training images validation "
            f"accuracy goes from {few.val_accuracy:.1%} to {many.val_accuracy:.1%}: no rise that "
            f"{many.validation_images:,} images could show."
        )
    gap = _gap_change(few, many)
    dips = [
        f"{after.train_images:,}"
        for before, after in pairwise(results)
        if after.val_accuracy < before.val_accuracy
    ]
    dipped = [f"Not at each step: it fell at {_listed(dips)} images."] if dips and shown else []
    return LabVerdict(shown, headline, (gap, *dipped, _turns(results), *_cut_short(results)))


def cures_verdict(results: Sequence[Result]) -> LabVerdict:
    """What helped against overfitting; the first of ``results`` is the run without any cure.

    The best cure is the one that gets most new images right: a gap can also be closed by learning
    nothing.
    """
    none, *cures = results
    best = max(cures, key=lambda one: one.val_accuracy)
    better = best.val_accuracy > none.val_accuracy and _differ(best, none)
    if better:
        headline = (
            f"On new images {best.label} helps most: {best.val_accuracy:.1%} right instead of "
            f"{none.val_accuracy:.1%} ({_points(best.val_accuracy - none.val_accuracy)}). "
            f"{_gap_change(none, best)}"
        )
    else:
        headline = (
            f"No cure is better on new images than none: with {best.label}, the best of them, "
            f"{best.val_accuracy:.1%} right instead of {none.val_accuracy:.1%}."
        )
    sentences = []
    if not better and not _differ(best, none):
        sentences.append(
            f"{none.validation_images:,} images can't tell less than {_allowance(best, none):.1f} "
            "points apart."
        )
    narrowest = min(cures, key=lambda one: one.gap)
    if not _gap_shrinks(narrowest, none):
        sentences.append(
            f"Nothing has made the gap of {_size(none.gap)} between training and validation much "
            "smaller."
        )
    elif narrowest is not best or not better:
        sentences.append(_smallest_gap(narrowest, none))
    helpless = [one.label for one in cures if not _gap_shrinks(one, none)]
    if helpless and len(helpless) < len(cures):
        sentences.append(f"The gap did not shrink with {_listed(helpless)}.")
    shown = better and _gap_shrinks(best, none)
    return LabVerdict(shown, headline, (*sentences, _turns(results), *_cut_short(results)))


def _gap_shrinks(one: Result, none: Result) -> bool:
    return none.gap - one.gap >= _GAP_CHANGE


def _gap_change(before: Result, after: Result) -> str:
    """What becomes of the gap from one run to another."""
    change = before.gap - after.gap
    template = "The gap between training and validation hardly changes, from {before} to {after}."
    if change >= _GAP_CHANGE:
        template = "The gap between training and validation shrinks from {before} to {after}."
    elif change <= -_GAP_CHANGE:
        template = "The gap between training and validation grows from {before} to {after}."
    return template.format(before=_size(before.gap), after=_size(after.gap))


def _smallest_gap(narrowest: Result, none: Result) -> str:
    better = narrowest.val_accuracy > none.val_accuracy and _differ(narrowest, none)
    template = (
        "The gap between training and validation is smallest with {label}, {gap} instead of "
        "{usual_gap}, at {accuracy:.1%} validation accuracy instead of {usual:.1%}."
        if better
        else "The gap between training and validation is smallest with {label}, {gap} instead of "
        "{usual_gap}, at {accuracy:.1%} validation accuracy instead of {usual:.1%}: it knows less "
        "of its training images by heart, and no more of new ones."
    )
    return template.format(
        label=narrowest.label,
        gap=_size(narrowest.gap),
        usual_gap=_size(none.gap),
        accuracy=narrowest.val_accuracy,
        usual=none.val_accuracy,
    )


def _differ(one: Result, other: Result) -> bool:
    return 100 * abs(one.val_accuracy - other.val_accuracy) > _allowance(one, other)


def _allowance(one: Result, other: Result) -> float:
    """Points of accuracy by which two may differ by chance."""
    spread = sum(
        # Of a run that was broken off early it may not be known.
        r.val_accuracy * (1 - r.val_accuracy) / max(r.validation_images, 1)
        for r in (one, other)
    )
    return 200 * sqrt(spread)


def _turns(results: Sequence[Result]) -> str:
    turned = [f"epoch {one.fit.turn} with {one.label}" for one in results if one.fit.turn]
    said = [f"Validation loss rises after {_listed(turned)}."] if turned else []
    others = [
        f"{one.label} “{VERDICT_WORDS[one.fit.verdict]}”" for one in results if not one.fit.turn
    ]
    if others:
        said.append(f"The verdict on the curves is with {_listed(others)}.")
    back = [one for one in results if one.kept != one.epochs]
    said += [
        f"The run with {one.label} ended after epoch {one.epochs} with the weights of epoch "
        f"{one.kept}."
        for one in back
    ]
    return " ".join(said)


def _cut_short(results: Sequence[Result]) -> list[str]:
    short = [one for one in results if not one.ended]
    cut = [one for one in results if one.epochs < one.trained]
    template = (
        "The run with {label} was cut short after {trained} of {planned} epochs."
        if cut
        else "The run with {label} was cut short after {trained} of {planned} epochs, and is "
        "judged as far as it came."
    )
    words = [
        template.format(label=one.label, trained=one.trained, planned=one.planned) for one in short
    ]
    if cut:
        words.append(
            f"So they are compared as they were after epoch {cut[0].epochs}, since when only the "
            f"run with {_listed([one.label for one in cut])} has been trained further."
        )
    return words


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points".replace("-", "−")


def _size(share: float) -> str:
    return f"{100 * share:.1f} points".replace("-", "−")


def _epoch(number: int | None) -> str:
    return "no epoch yet" if number is None else f"epoch {number}"


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def result_of(
    label: str, run: Run, history: Sequence[Epoch], until: int | None = None
) -> Result | None:
    """The result of ``run`` with this history; ``None`` before its first validated epoch.

    ``until``: leave out what came after that epoch.
    """
    whole = [one for one in history if one.val_loss is not None and one.val_accuracy is not None]
    trained = whole[-1].epoch if whole else 0
    restored = run.best_epoch if restored_best_weights(run) else None
    judged = run
    if until is not None and until < trained:
        whole, restored = [one for one in whole if one.epoch <= until], None
        # As it was after that epoch, when it went on.
        judged = replace(run, state=RunState.RUNNING)
    if not whole:
        return None
    kept = next((one for one in whole if one.epoch == restored), whole[-1])
    assert kept.val_loss is not None
    assert kept.val_accuracy is not None
    return Result(
        label=label,
        epochs=whole[-1].epoch,
        trained=trained,
        planned=run.experiment.epochs,
        kept=kept.epoch,
        loss=kept.loss,
        accuracy=kept.accuracy,
        val_loss=kept.val_loss,
        val_accuracy=kept.val_accuracy,
        lowest_val_loss=min(one.val_loss for one in whole if one.val_loss is not None),
        fit=judge_run(judged, whole),
        ended=run.state is RunState.FINISHED,
        train_images=run.train_images or 0,
        validation_images=run.validation_images or 0,
    )


def common_epoch(results: Sequence[Result]) -> int | None:
    """The epoch that all of them have reached, where one was cut short; ``None``: none was.

    Those that ended by themselves before it count as they ended.
    """
    return min((one.trained for one in results if not one.ended), default=None)
