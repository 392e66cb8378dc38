"""How good the ensemble is beside its members, and beside the published one."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.disagreements import even_split_chance
from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.analysis.members import Member
from cifarviz.analysis.tables import accuracies_table, votes_table
from cifarviz.data.image_set import Dataset
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.presets import PRESETS, Preset
from cifarviz.figures.ensemble_accuracies import (
    MAJORITY,
    SUM,
    ensemble_accuracies,
    ensemble_accuracies_figure,
)
from cifarviz.figures.percent import percent
from cifarviz.ui.accuracy_words import INTERVAL_HINT, interval_words
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.ensemble.choices import labels, short_labels
from cifarviz.ui.published_changes import changed_words

# What of an experiment makes its network no better or worse.
_NO_MATTER = ("seed", "test_epochs", "tensorboard", "best_only")


def results(members: Sequence[Member], ensemble: Ensemble, dataset: Dataset) -> None:
    """Show figures, a sentence on what they mean, and a chart of all accuracies."""
    names, short = labels(members), short_labels(members)
    accuracies, best = ensemble.member_accuracies, ensemble.best_member
    measured = (*accuracies, ensemble.soft_accuracy, ensemble.majority_accuracy)
    # One image of 1,000 is a tenth of a percent: more digits would say nothing.
    digits = 2 if len(ensemble) >= 10_000 else 1
    by_sum, by_majority, of_best, gain = (one.container(gap=None) for one in st.columns(4))
    by_sum.metric(
        "Ensemble, by sum",
        percent(ensemble.soft_accuracy, digits),
        help="Soft voting: the members' probabilities are added, and the largest sum wins. "
        f"{INTERVAL_HINT}",
    )
    by_sum.caption(interval_words(ensemble.soft_accuracy, len(ensemble), digits))
    by_majority.metric(
        "Ensemble, by majority",
        percent(ensemble.majority_accuracy, digits),
        help="Each member has one vote, for its most probable class.",
    )
    by_majority.caption(interval_words(ensemble.majority_accuracy, len(ensemble), digits))
    of_best.metric(
        f"Best member ({escaped(short[best])})",
        percent(accuracies[best], digits),
        help=f"{escaped(names[best])}: the most accurate member on these test images.",
    )
    of_best.caption(interval_words(accuracies[best], len(ensemble), digits))
    gain.metric(
        "Gain of the ensemble",
        f"{100 * ensemble.gain:+.{digits}f} points".replace("-", "−"),
        help="Accuracy by sum less that of the best member, in percentage points. Below, on how "
        "many images it is right and the best member wrong, and the other way round; and how "
        "probable so uneven a split is by chance (McNemar’s exact test).",
    )
    gain.caption(_mended_words(ensemble, best))
    weights = "; ".join(f"{name}: {one.words}" for name, one in zip(short, members, strict=True))
    st.caption(escaped(f"{' '.join(_sentences(members, dataset))} Weights: {weights}."))
    figure, words = st.columns([3, 2], gap="large")
    preset = _published(members)
    with figure:
        lines = () if preset is None else _lines(preset)
        chart(
            ensemble_accuracies_figure(
                ensemble_accuracies(
                    short,
                    names,
                    accuracies,
                    by_sum=ensemble.soft_accuracy,
                    by_majority=ensemble.majority_accuracy,
                    published=lines,
                    digits=digits,
                    bounds=[accuracy_interval(one, len(ensemble)) for one in measured],
                )
            ),
            key="ensemble-accuracies",
            view=",".join(names),
            file_name="ensemble",
            description="Test accuracy of each member and of the ensemble",
        )
    with words:
        st.markdown(
            "**By sum** (soft voting), the members' probabilities for each class are added, and "
            "the largest sum wins: a member that is sure weighs more. **By majority**, each member "
            "has one vote; where classes have equally many, the sum of probabilities decides."
        )
        if preset is not None:
            _beside(preset, members, ensemble, digits)
        with st.container(horizontal=True):
            csv_button(
                "Accuracies as CSV",
                lambda: accuracies_table((*names, SUM, MAJORITY), measured, len(ensemble)),
                "ensemble-accuracies",
                "The accuracy of each member and of their votes, with its 95% interval.",
            )
            csv_button(
                "Answers as CSV",
                lambda: votes_table(ensemble, class_names(dataset.info), names),
                "ensemble-answers",
                "A row a test image: its class, what each member says, and what they say together.",
            )


def _mended_words(ensemble: Ensemble, best: int) -> str:
    together, alone = ensemble.soft == ensemble.labels, ensemble.members[best] == ensemble.labels
    mended, spoiled = int((together & ~alone).sum()), int((alone & ~together).sum())
    chance = percent(even_split_chance(mended, spoiled))
    return f"{mended:,} mended, {spoiled:,} spoiled; by chance: {chance}"


def _sentences(members: Sequence[Member], dataset: Dataset) -> list[str]:
    count, title = len(dataset.test), dataset.info.title
    runs = {one.run.id: one.run for one in members}.values()
    mixed = {run.experiment.data.variant for run in runs}
    if dataset.variant == "full":
        said = [f"Measured on all {count:,} test images of {title}."]
    else:
        why = (
            "the ones that all members know: not all were trained on the full set"
            if len(mixed) > 1
            else "since the members were trained on the sample"
        )
        said = [f"Measured on the {count:,} test images of the embedded {title} sample, {why}."]
    chosen_by_test = any(
        isinstance(one.run.experiment.validation, TestValidation) and one.when == "best"
        for one in members
    )
    if chosen_by_test:
        said.append(
            "They were validation images too, by which a best epoch was chosen: that epoch has "
            "seen the answers."
        )
    return said


def _published(members: Sequence[Member]) -> Preset | None:
    """The preset that all members come from, if an ensemble was published with it."""
    (name, *others) = {one.run.experiment.preset for one in members}
    preset = PRESETS.get(name or "") if not others else None
    return preset if preset is not None and "ensemble_accuracy" in preset.facts else None


def _lines(preset: Preset) -> tuple[tuple[str, float], ...]:
    return (
        ("Published, last member", preset.facts["history"][-1].val_accuracy),
        ("Published ensemble", preset.facts["ensemble_accuracy"]),
    )


def _beside(preset: Preset, members: Sequence[Member], ensemble: Ensemble, digits: int) -> None:
    member, together = (accuracy for _, accuracy in _lines(preset))
    side = "above" if ensemble.gain >= 0 else "below"
    st.markdown(
        f"**Published** ({preset.facts['year']}): last member {member:.{digits}%}, ensemble "
        f"{together:.{digits}%}, which is {100 * (together - member):.{digits}f} points above it. "
        f"Here: {ensemble.soft_accuracy:.{digits}%}, {100 * abs(ensemble.gain):.{digits}f} points "
        f"{side} the best member."
    )
    if different := _different(preset, members):
        st.caption(f":material/warning: {escaped(different)}")
    for note in preset.notes:
        st.caption(f":material/info: {escaped(note)}")


def _different(preset: Preset, members: Sequence[Member]) -> str:
    """What keeps the members from being comparable with the published ones; empty if nothing."""
    runs = list({one.run.id: one.run for one in members}.values())
    said = changed_words(runs, but=_NO_MATTER)
    if len(members) != preset.members:
        said = f"{said} It had {preset.members} members, and here are {len(members)}.".strip()
    return f"The published figures are of the unchanged preset. {said}" if said else ""
