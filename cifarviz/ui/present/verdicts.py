"""The scenes of the verdicts: overfitting in a run, and the duel it belongs to."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, cast

import streamlit as st

from cifarviz.analysis.overfitting import VERDICT_LABELS, Fit, Gap, Verdict, gap_after, judge_run
from cifarviz.analysis.suggestions import suggestions
from cifarviz.errors import CifarvizError
from cifarviz.escaping import html_text
from cifarviz.experiment.lab import LAB_TITLES, LabKind
from cifarviz.figures.replay import epochs_only, overfitting_gap
from cifarviz.figures.theme import MetricName
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_headline import headline as headline_of
from cifarviz.runs.run_headline import highest_accuracy
from cifarviz.runs.series import Series, find_series_of_run
from cifarviz.runs.series import series_runs as stored_series_runs
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, sentence_case
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.components.replay import replay_curves
from cifarviz.ui.epoch_scrubber import rerun_on_new_epoch
from cifarviz.ui.lab.charts import validation_figure
from cifarviz.ui.lab.results import missing_verdict_text, series_runs, series_verdict
from cifarviz.ui.metrics import loss_note
from cifarviz.ui.present.stage import Stage, render_headline, replay_mark
from cifarviz.ui.present.training import run_replay

# Heights of the panels in rem.
_OVERFITTING_HEIGHT, _DUEL_HEIGHT = 15.5, 16.0
_ENDINGS: Final[Mapping[Verdict, str]] = {
    "good": "no sign of overfitting",
    "underfitting": "it hardly learns its own training images",
    "still improving": "more epochs may help",
    "noisy": "the curves show no trend",
    "diverging": "the loss rises",
    "stopped": "the run was cut short",
    "not measured": "overfitting cannot be measured",
}
"""What the headline adds to the verdict."""
_WORD_NOTE = (
    "**Overfitting**: the network learns its training images by heart. It gets better on them and "
    "worse on images that it never learned from."
)

# Smaller changes of accuracy count as none.
_SMALL_CHANGE = 0.02


def render_overfitting(stage: Stage) -> Sequence[str]:
    """Render the curves that the verdict is about, where overfitting starts, and the gap."""
    assert stage.run is not None
    run = stage.run
    fit = judge_run(run, stage.history)
    render_headline(_title(fit))
    rerun_on_new_epoch(run)
    if not stage.history:
        st.info(
            f"{quoted(run.name)} has not finished an epoch, so it has no curves.",
            icon=":material/info:",
        )
        return ["The verdict needs the validation loss of at least four epochs."]
    metric = _metric(fit)
    replay_curves(
        epochs_only(run_replay(cache.store(), run), metric, overfitting_gap(fit.overfits_after)),
        key="present-overfitting",
        view=run.id,
        height=_OVERFITTING_HEIGHT,
        mark=replay_mark(run),
        description=f"Training and validation {metric} of “{run.name}”, with the verdict",
    )
    st.html(
        f'<p class="present-words present-reason">{html_text(fit.reason)}</p>'
        f"{_gaps_html(fit, stage)}"
    )
    return _notes(fit, stage)


def overfitting_title(stage: Stage) -> str:
    """The headline of the scene."""
    assert stage.run is not None
    return verdict_title(stage.run, stage.history)


def verdict_title(run: Run, history: Sequence[Epoch]) -> str:
    """The verdict in a headline: ``Overfitting: after epoch 8 it learns by heart``."""
    return _title(judge_run(run, history))


def _title(fit: Fit) -> str:
    label = sentence_case(VERDICT_LABELS[fit.verdict])
    if fit.verdict == "overfitting":
        # A gap that was wide from the start has no epoch before it.
        when = f"after epoch {fit.overfits_after} " if fit.overfits_after else ""
        return f"{label}: {when}it learns by heart"
    ending = _ENDINGS.get(fit.verdict)
    return label if ending is None else f"{label}: {ending}"


def _metric(fit: Fit) -> MetricName:
    """What the verdict is about: the loss, unless the gap in accuracy alone shows overfitting."""
    by_gap = fit.verdict == "overfitting" and fit.overfitting_start is None
    return "accuracy" if by_gap else "loss"


def _gaps_html(fit: Fit, stage: Stage) -> str:
    """The gap where overfitting starts and at the end, in large type, as the curves show it."""
    metric = _metric(fit)
    start = fit.gap_at_start
    if start is None and fit.overfits_after:
        start = gap_after(stage.history, fit.overfits_after)
    cells = "".join(
        f"<div><b>{_format_gap(gap, metric)}</b><span>{_describe_gap(gap, metric)}</span></div>"
        for gap in (start, fit.gap_at_end)
        if gap is not None
    )
    return f'<div class="present-figures">{cells}</div>' if cells else ""


def _format_gap(gap: Gap, metric: MetricName) -> str:
    return f"{abs(gap.loss):.2f}" if metric == "loss" else f"{abs(100 * gap.accuracy):.1f}"


def _describe_gap(gap: Gap, metric: MetricName) -> str:
    difference = gap.loss if metric == "loss" else 100 * gap.accuracy
    rounded = round(difference, 2 if metric == "loss" else 1)
    ahead, behind = ("validation", "training") if metric == "loss" else ("training", "validation")
    what = "loss" if metric == "loss" else "points of accuracy"
    if rounded == 0:
        return f"{what}: training equals validation after epoch {gap.epoch}"
    if rounded < 0:
        ahead, behind = behind, ahead
    return f"{what}: {ahead} above {behind} after epoch {gap.epoch}"


def _notes(fit: Fit, stage: Stage) -> Sequence[str]:
    notes = [escaped(fit.reason), _WORD_NOTE]
    run = stage.run
    assert run is not None
    if fit.gap_at_start is not None and fit.gap_at_end is not None:
        gap = (
            f"The gap in loss went from {fit.gap_at_start.loss:.2f} after epoch "
            f"{fit.gap_at_start.epoch} to "
            f"{fit.gap_at_end.loss:.2f} after epoch {fit.gap_at_end.epoch}."
        )
        notes.append(" ".join(filter(None, [gap, _accuracy_change_text(fit, stage)])))
    elif fit.verdict == "overfitting":
        notes.append("The gap in accuracy shows overfitting here, not the validation loss.")
    if run.best_epoch is not None:
        notes.append(
            ". ".join(filter(None, [f"Best: {headline_of(run)}", highest_accuracy(run)])) + "."
        )
    if earlier := loss_note(run):
        notes.append(earlier)
    if next_step := _suggestion_text(fit, run):
        notes.append(next_step)
    return notes


def _suggestion_text(fit: Fit, run: Run) -> str:
    """The most promising suggestion for the verdict."""
    try:
        options = suggestions(run.experiment, fit, run.train_images)
    except CifarvizError:
        return ""
    return f"Try next: **{options[0].what}**: {escaped(options[0].why)}." if options else ""


def _accuracy_change_text(fit: Fit, stage: Stage) -> str:
    """The change of validation accuracy since overfitting started."""
    measured = {epoch.epoch: epoch.val_accuracy for epoch in stage.history}
    assert fit.gap_at_start is not None
    assert fit.gap_at_end is not None
    before, after = measured[fit.gap_at_start.epoch], measured[fit.gap_at_end.epoch]
    if before is None or after is None:
        return ""
    text = f"Meanwhile validation accuracy went from {before:.1%} to {after:.1%}"
    if abs(after - before) < _SMALL_CHANGE:
        return f"{text}: it makes about as many mistakes, but with more confidence."
    return f"{text}."


# ---- The duel --------------------------------------------------------------------------------


def find_duel(run: Run | None) -> Series | None:
    """The newest Lab experiment of two runs that ``run`` belongs to, if both still exist."""
    if run is None:
        return None
    store = cache.store()
    for series in find_series_of_run(store, run.id):
        left = stored_series_runs(store, series)
        if series.kind in LAB_TITLES and series.count == len(left) == 2:
            return series
    return None


def duel_title(stage: Stage) -> str:
    """The Lab's experiment and what varies in it, without the values: ``Duel: Augmentation``."""
    assert stage.duel is not None
    subject = stage.duel.title.partition(":")[0]
    # Other experiments of two runs are named by what they show.
    return f"{LAB_TITLES['duel']}: {subject}" if stage.duel.kind == "duel" else subject


def render_duel(stage: Stage) -> Sequence[str]:
    """Render the validation curves of both runs, and the verdict on the pair."""
    assert stage.duel is not None
    series = stage.duel
    members = series_runs(cache.store(), series)
    render_headline(duel_title(stage))
    metrics: tuple[MetricName, ...] = ("accuracy", "loss")
    for metric, column in zip(metrics, st.columns(2, gap="medium"), strict=True):
        with column:
            chart(
                validation_figure(metric, members),
                key=f"present-duel-{metric}",
                view=series.id,
                rem_height=_DUEL_HEIGHT,
                file_name=f"{series.kind}-{metric}",
                description=f"Validation {metric} of both runs: {series.title}",
            )
    active = any(member.run.state.active for member in members)
    if active:
        mark = partial(_progress_mark, cache.store(), series)
        rerun_on_change(f"present-{series.id}", mark, key="present-duel-epochs")
    verdict = series_verdict(cast(LabKind, series.kind), members)
    if verdict is None:
        text = (
            "The first verdict comes when both runs have finished an epoch."
            if active
            else missing_verdict_text(cast(LabKind, series.kind), members)
        )
        st.html(f'<p class="present-words">{text}</p>')
        return [text]
    st.html(
        f'<p class="present-words"><b>{html_text(verdict.headline)}</b></p>'
        f'<p class="present-words present-reason">{html_text(verdict.sentences[0])}</p>'
    )
    names = " and ".join(escaped(member.label) for member in members)
    return [
        f"**{escaped(series.title)}**: two runs, {names}; everything else is the same.",
        f"**{escaped(verdict.headline)}**",
        *map(escaped, verdict.sentences),
    ]


def _progress_mark(store: RunStore, series: Series) -> str:
    """What changes when a run of the series finishes an epoch or ends; called outside of pages."""
    runs = stored_series_runs(store, series)
    return " ".join(f"{run.epochs_done} {run.state.active}" for run in runs)
