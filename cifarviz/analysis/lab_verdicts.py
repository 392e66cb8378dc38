"""Results of the runs of a lab experiment, and the verdict on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

import numpy as np

from cifarviz.analysis.memorisation import LabelMemorisation, half_learned_epoch
from cifarviz.analysis.overfitting import VERDICT_LABELS, Fit, judge_run
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import restored_best_weights


@dataclass(frozen=True)
class ArmResult:
    """What one run of a lab experiment has reached.

    ``label`` names what distinguishes it from the other runs. ``trained`` of ``planned`` epochs are
    done, and the first ``epochs`` of them are compared. Losses (nats) and accuracies (0 to 1) are
    those after ``weights_epoch``, an earlier epoch if early stopping restored its weights.
    ``ended``: it finished by itself, also by early stopping. ``active``: it still trains, or waits.
    """

    label: str
    epochs: int
    trained: int
    planned: int
    weights_epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    lowest_val_loss: float
    fit: Fit
    ended: bool
    active: bool
    train_images: int
    validation_images: int

    @property
    def gap(self) -> float:
        """Training accuracy minus validation accuracy, −1 to 1."""
        return self.accuracy - self.val_accuracy


# A gap in accuracy that changes by less than this is called unchanged.
_GAP_CHANGE = 0.03

# Share of wrong labels from which on they are memorised: by chance it would be one in nine.
_MEMORISED = 0.3

_MAY_BE_CHANCE = (
    "Differences under {allowance:.1f} points may be chance with {images:,} validation images."
)


@dataclass(frozen=True)
class LabVerdict:
    """Whether the effect was ``confirmed``, in a headline and some sentences."""

    confirmed: bool
    headline: str
    sentences: tuple[str, ...]


def partial_verdict(verdict: LabVerdict, basis: str) -> LabVerdict:
    """Return ``verdict`` marked as not final: ``So far, after 6 epochs: validation …``."""
    headline = verdict.headline
    return replace(verdict, headline=f"So far, {basis}: {headline[:1].lower()}{headline[1:]}")


def duel_verdict(results: Sequence[ArmResult]) -> LabVerdict:
    """Which of two or three runs is better, by how much, and how much each overfits."""
    best, *others = sorted(results, key=lambda result: -result.val_accuracy)
    second = others[0]
    widest = max(results, key=lambda result: result.gap)
    narrowest = min(results, key=lambda result: result.gap)
    # A network that does not fit its training images better than others does not overfit.
    less = widest.gap - max(narrowest.gap, 0) >= _GAP_CHANGE
    better = _differ(best, second)
    if better:
        headline = (
            "Validation accuracy {when}is highest with {best}: {accuracy:.1%}, against {others} "
            "({gain})."
        )
    elif less:
        headline = (
            "Less overfitting with {narrowest}: training accuracy is {narrow_gap} ahead of "
            "validation, against {wide_gap} with {widest}."
            if narrowest.gap >= 0
            else "Less overfitting with {narrowest}: training accuracy is not ahead of validation, "
            "but {wide_gap} ahead with {widest}."
        )
    else:
        headline = "No clear difference, neither in validation accuracy nor in overfitting."
    # Where runs are still trained, the caller says after which epochs.
    epochs = {None if result.active else result.weights_epoch for result in results}
    epoch = epochs.pop() if len(epochs) == 1 else None
    headline = headline.format(
        when="" if epoch is None else f"after epoch {epoch} ",
        best=best.label,
        accuracy=best.val_accuracy,
        others=_listed([f"{other.val_accuracy:.1%} with {other.label}" for other in others]),
        gain=_format_change(best.val_accuracy - second.val_accuracy),
        narrowest=narrowest.label,
        narrow_gap=_format_points(narrowest.gap),
        wide_gap=_format_points(widest.gap),
        widest=widest.label,
    )
    gaps = _listed([f"{_format_points(result.gap)} with {result.label}" for result in results])
    measured = (
        "Training accuracy is ahead of validation by {gaps}"
        if narrowest.gap >= 0
        else "Training accuracy minus validation accuracy is {gaps}"
    )
    if widest.gap <= 0:
        ahead = "Training accuracy is not ahead of validation: {gaps}. None overfits yet."
    elif not less:
        ahead = f"{measured}: about the same."
    elif len(results) == 2:
        ahead = f"{measured}: {{label}} overfits less."
    else:
        ahead = f"{measured}: {{label}} overfits least."
    sentences = [ahead.format(gaps=gaps, label=narrowest.label)]
    if not better:
        sentences += [
            f"No clear winner in validation accuracy: {best.val_accuracy:.1%} with {best.label} "
            f"and {second.val_accuracy:.1%} with {second.label}.",
            _may_be_chance(best, second),
        ]
    return LabVerdict(better or less, headline, (*sentences, *_curves_and_ends(results)))


def memorisation_verdict(
    wrong: ArmResult, correct: ArmResult | None, memorisation: LabelMemorisation
) -> LabVerdict:
    """Whether wrong labels were memorised, and when.

    ``correct`` is the run trained on correct labels only, if there is one.
    """
    wrong_half = half_learned_epoch(memorisation.false_learned)
    correct_half = half_learned_epoch(memorisation.true_learned)
    share = float(memorisation.false_known[-1])
    later = correct_half is not None and (wrong_half is None or wrong_half > correct_half)
    template = (
        "The network memorised wrong labels: after epoch {epoch} it gives {share:.1%} of {count:,} "
        "images the wrong label they were trained with."
        if share > _MEMORISED
        else "The network hardly memorised the wrong labels: after epoch {epoch} it gives "
        "{share:.1%} of {count:,} images their wrong label."
    )
    if share <= _MEMORISED and not wrong.active:
        template += " Train for longer or on fewer images."
    headline = template.format(
        epoch=int(memorisation.epochs[-1]), share=share, count=len(memorisation.false_learned)
    )
    sentences = [
        "Fewer than half of the correct labels were learned for good."
        if correct_half is None
        else f"Half of the correct labels were learned for good by epoch {correct_half}.",
        "Fewer than half of the wrong labels were learned for good."
        if wrong_half is None
        else f"Half of the wrong labels were learned for good by epoch {wrong_half}.",
    ]
    if later:
        sentences.append("Patterns that many images share are learned first.")
    highest = int(np.nanargmax(memorisation.seen_through))
    sentences.append(
        "The network never saw the correct labels of these images, but gave them to "
        f"{memorisation.seen_through[highest]:.1%} after epoch "
        f"{int(memorisation.epochs[highest])}, at its best, and to "
        f"{memorisation.seen_through[-1]:.1%} at the end."
    )
    results = [wrong] if correct is None else [wrong, correct]
    if correct is not None:
        lost = correct.val_accuracy - wrong.val_accuracy
        template = (
            "Validation accuracy is {wrong:.1%}, and {correct:.1%} when trained on correct labels "
            "only: wrong labels cost {lost}."
            if lost > 0 and _differ(correct, wrong)
            else "Validation accuracy is {wrong:.1%}, and {correct:.1%} when trained on correct "
            "labels only: no clear loss."
        )
        sentences.append(
            template.format(
                wrong=wrong.val_accuracy, correct=correct.val_accuracy, lost=_format_points(lost)
            )
        )
    confirmed = share > _MEMORISED and later
    return LabVerdict(confirmed, headline, (*sentences, *_curves_and_ends(results)))


def sizes_verdict(results: Sequence[ArmResult]) -> LabVerdict:
    """Whether more training images help; ``results`` are in ascending order of their number."""
    few, many = results[0], results[-1]
    gained = many.val_accuracy - few.val_accuracy
    confirmed = gained > 0 and _differ(few, many)
    template = (
        "From {few:,} to {many:,} training images, validation accuracy rises from {before:.1%} to "
        "{after:.1%} ({gained})."
        if confirmed
        else "From {few:,} to {many:,} training images, validation accuracy goes from {before:.1%} "
        "to {after:.1%}, which is no clear rise."
    )
    headline = template.format(
        few=few.train_images,
        many=many.train_images,
        before=few.val_accuracy,
        after=many.val_accuracy,
        gained=_format_change(gained),
    )
    sentences = [_gap_change(few, many)]
    dips = [
        f"{after.train_images:,}"
        for before, after in pairwise(results)
        if after.val_accuracy < before.val_accuracy
    ]
    if dips and confirmed:
        sentences.append(f"Not every step helped: accuracy fell at {_listed(dips)} images.")
    return LabVerdict(confirmed, headline, (*sentences, *_curves_and_ends(results)))


def transfer_verdict(results: Sequence[ArmResult]) -> LabVerdict:
    """Whether layers that were learned on other classes help; the first starts from scratch."""
    scratch, taken = results
    better = taken.val_accuracy > scratch.val_accuracy and _differ(taken, scratch)
    template = (
        "What was learned on other classes helps: with {images:,} images, validation accuracy is "
        "{before:.1%} with {scratch} and {after:.1%} with {label} ({gained})."
        if better
        else "What was learned on other classes does not clearly help: with {images:,} images, "
        "validation accuracy is {before:.1%} with {scratch} and {after:.1%} with {label}."
    )
    headline = template.format(
        images=scratch.train_images,
        before=scratch.val_accuracy,
        after=taken.val_accuracy,
        scratch=scratch.label,
        label=taken.label,
        gained=_format_change(taken.val_accuracy - scratch.val_accuracy),
    )
    chance = [] if _differ(taken, scratch) else [_may_be_chance(scratch, taken)]
    return LabVerdict(better, headline, (*chance, *_curves_and_ends(results)))


def cures_verdict(results: Sequence[ArmResult]) -> LabVerdict:
    """What helped against overfitting; the first of ``results`` is the run without any cure.

    The best cure has the highest validation accuracy: a network that learns nothing also closes
    the gap.
    """
    none, *cures = results
    best = max(cures, key=lambda result: result.val_accuracy)
    better = best.val_accuracy > none.val_accuracy and _differ(best, none)
    sentences = []
    if better:
        headline = (
            f"The best cure is {best.label}: validation accuracy rises from "
            f"{none.val_accuracy:.1%} to {best.val_accuracy:.1%} "
            f"({_format_change(best.val_accuracy - none.val_accuracy)}). {_gap_change(none, best)}"
        )
    else:
        headline = (
            f"No cure clearly improves validation accuracy: the best, {best.label}, reaches "
            f"{best.val_accuracy:.1%} instead of {none.val_accuracy:.1%}."
        )
        if not _differ(best, none):
            sentences.append(_may_be_chance(none, best))
    narrowest = min(cures, key=lambda result: result.gap)
    if none.gap <= 0:
        sentences.append(
            "Without any cure, training accuracy is not ahead of validation "
            f"({_format_points(none.gap)}): there is no overfitting to cure yet."
        )
    elif not _gap_shrinks(none, narrowest):
        sentences.append(
            f"No cure makes the gap of {_format_points(none.gap)} between training and validation "
            "accuracy much smaller."
        )
    elif narrowest is not best or not better:
        sentences.append(
            "The gap between training and validation accuracy is smallest with "
            f"{narrowest.label}: {_format_points(narrowest.gap)} instead of "
            f"{_format_points(none.gap)}, at a validation accuracy of "
            f"{narrowest.val_accuracy:.1%} instead of {none.val_accuracy:.1%}."
        )
        if narrowest.val_accuracy <= none.val_accuracy or not _differ(narrowest, none):
            sentences.append("It memorises fewer training images, but is no better on new images.")
    ineffective = [cure.label for cure in cures if not _gap_shrinks(none, cure)]
    if ineffective and len(ineffective) < len(cures):
        sentences.append(f"The gap did not shrink with {_listed(ineffective)}.")
    confirmed = better and _gap_shrinks(none, best)
    return LabVerdict(confirmed, headline, (*sentences, *_curves_and_ends(results)))


def _gap_shrinks(before: ArmResult, after: ArmResult) -> bool:
    # Without a gap there is no overfitting, however far validation is ahead.
    return max(before.gap, 0) - max(after.gap, 0) >= _GAP_CHANGE


def _gap_change(before: ArmResult, after: ArmResult) -> str:
    template = (
        "The gap between training and validation accuracy hardly changes, from {before} to {after}."
    )
    if _gap_shrinks(before, after):
        template = (
            "The gap between training and validation accuracy shrinks from {before} to {after}."
        )
    elif _gap_shrinks(after, before):
        template = (
            "The gap between training and validation accuracy grows from {before} to {after}."
        )
    return template.format(before=_format_points(before.gap), after=_format_points(after.gap))


def _differ(first: ArmResult, second: ArmResult) -> bool:
    return 100 * abs(first.val_accuracy - second.val_accuracy) > _allowance(first, second)


def _allowance(first: ArmResult, second: ArmResult) -> float:
    """Two standard errors of the difference of both validation accuracies, in points."""
    variance = sum(
        # The number of images of a run that ended early may be unknown.
        result.val_accuracy * (1 - result.val_accuracy) / max(result.validation_images, 1)
        for result in (first, second)
    )
    return 200 * sqrt(variance)


def _may_be_chance(first: ArmResult, second: ArmResult) -> str:
    return _MAY_BE_CHANCE.format(
        allowance=_allowance(first, second), images=first.validation_images
    )


def _curves_and_ends(results: Sequence[ArmResult]) -> list[str]:
    """What the curves show, which weights were restored, and which runs were cut short."""
    starts = [
        f"epoch {result.fit.overfits_after} with {result.label}"
        for result in results
        if result.fit.overfits_after
    ]
    verdicts = [
        f"“{VERDICT_LABELS[result.fit.verdict]}” with {result.label}"
        for result in results
        if not result.fit.overfits_after
    ]
    sentences = [f"Overfitting starts after {_listed(starts)}."] if starts else []
    if verdicts:
        sentences.append(f"Verdict on the curves: {_listed(verdicts)}.")
    sentences += [
        f"The run with {result.label} ended after epoch {result.epochs} and restored the weights "
        f"of epoch {result.weights_epoch}."
        for result in results
        if result.weights_epoch != result.epochs
    ]
    sentences += [
        f"The run with {result.label} is under way: {result.trained} of {result.planned} epochs "
        "are done."
        if result.active
        else f"The run with {result.label} was cut short after {result.trained} of "
        f"{result.planned} epochs."
        for result in results
        if not result.ended
    ]
    longer = [result for result in results if result.epochs < result.trained]
    if longer:
        sentences.append(
            f"All runs are compared after epoch {longer[0].epochs}; later epochs of "
            f"{_listed([result.label for result in longer])} are left out."
        )
    return sentences


def _format_change(difference: float) -> str:
    return f"{100 * difference:+.1f} points".replace("-", "−")


def _format_points(difference: float) -> str:
    return f"{100 * difference:.1f} points".replace("-", "−")


def _listed(items: Sequence[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last


def arm_result(
    label: str, run: Run, history: Sequence[Epoch], until: int | None = None
) -> ArmResult | None:
    """The result of ``run`` with this history; ``None`` before its first validated epoch.

    Epochs after ``until`` are left out.
    """
    validated = [
        epoch for epoch in history if epoch.val_loss is not None and epoch.val_accuracy is not None
    ]
    trained = validated[-1].epoch if validated else 0
    restored = run.best_epoch if restored_best_weights(run) else None
    judged = run
    if until is not None and until < trained:
        validated, restored = [epoch for epoch in validated if epoch.epoch <= until], None
        # As the run was after that epoch, still training.
        judged = replace(run, state=RunState.RUNNING)
    if not validated:
        return None
    final = next((epoch for epoch in validated if epoch.epoch == restored), validated[-1])
    assert final.val_loss is not None
    assert final.val_accuracy is not None
    return ArmResult(
        label=label,
        epochs=validated[-1].epoch,
        trained=trained,
        planned=run.experiment.epochs,
        weights_epoch=final.epoch,
        loss=final.loss,
        accuracy=final.accuracy,
        val_loss=final.val_loss,
        val_accuracy=final.val_accuracy,
        lowest_val_loss=min(epoch.val_loss for epoch in validated if epoch.val_loss is not None),
        fit=judge_run(judged, validated),
        ended=run.state is RunState.FINISHED,
        active=run.state.active,
        train_images=run.train_images or 0,
        validation_images=run.validation_images or 0,
    )


def common_epoch(results: Sequence[ArmResult]) -> int | None:
    """The last epoch that all runs have reached if one has not finished, else ``None``.

    A run that finished earlier by itself counts with its last epoch.
    """
    return min((result.trained for result in results if not result.ended), default=None)
