"""What an ensemble says of the test images."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.disagreements import mcnemar_p_value
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
from cifarviz.figures.member_probabilities import (
    member_probabilities,
    member_probabilities_figure,
)
from cifarviz.figures.percent import format_probability, percent
from cifarviz.figures.sprite import sprite
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.prediction_table import PredictionCell, prediction_table
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.ensemble.members import labels, listed, short_labels, weights_of
from cifarviz.ui.evaluate.galleries import TEN, draw_ten
from cifarviz.ui.metrics import INTERVAL_HINT, format_interval
from cifarviz.ui.navigation import link_to
from cifarviz.ui.published import format_changes
from cifarviz.ui.query import render_choice, update_query_params, widget_key, widget_value
from cifarviz.ui.streamlit_patches import uninterruptible

# What of an experiment makes its network no better or worse.
_NO_MATTER = ("seed", "test_epochs", "tensorboard", "best_only")
Shown = Literal["random", "mended", "spoiled"]
_THUMBNAIL = 64
_ANY = "any"
_PICTURE = 128

# Whether all together are right, and whether one member alone is.
_TOGETHER = {
    (True, True): "Together: **{name}**, {share}, which is right; {right} of {members} members is "
    "right.",
    (True, False): "Together: **{name}**, {share}, which is right; {right} of {members} members "
    "are right.",
    (False, True): "Together: **{name}**, {share}, which is wrong; {right} of {members} members is "
    "right.",
    (False, False): "Together: **{name}**, {share}, which is wrong; {right} of {members} members "
    "are right.",
}


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
    by_sum.caption(format_interval(ensemble.soft_accuracy, len(ensemble), digits))
    by_majority.metric(
        "Ensemble, by majority",
        percent(ensemble.majority_accuracy, digits),
        help="Each member has one vote, for its most probable class.",
    )
    by_majority.caption(format_interval(ensemble.majority_accuracy, len(ensemble), digits))
    of_best.metric(
        f"Best member ({escaped(short[best])})",
        percent(accuracies[best], digits),
        help=f"{escaped(names[best])}: the most accurate member on these test images.",
    )
    of_best.caption(format_interval(accuracies[best], len(ensemble), digits))
    gain.metric(
        "Gain of the ensemble",
        f"{100 * ensemble.gain:+.{digits}f} points".replace("-", "−"),
        help="Accuracy by sum less that of the best member, in percentage points. Below, on how "
        "many images it is right and the best member wrong, and the other way round; and how "
        "probable so uneven a split is by chance (McNemar’s exact test).",
    )
    gain.caption(_mended_words(ensemble, best))
    weights = "; ".join(f"{name}: {one.label}" for name, one in zip(short, members, strict=True))
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
            _render_published(preset, members, ensemble, digits)
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
    chance = percent(mcnemar_p_value(mended, spoiled))
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


def _render_published(
    preset: Preset, members: Sequence[Member], ensemble: Ensemble, digits: int
) -> None:
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
    said = format_changes(runs, but=_NO_MATTER)
    if len(members) != preset.members:
        said = f"{said} It had {preset.members} members, and here are {len(members)}.".strip()
    return f"The published figures are of the unchanged preset. {said}" if said else ""


def render_predictions_table(
    members: Sequence[Member], ensemble: Ensemble, dataset: Dataset
) -> None:
    """Show the table; the address holds which images, of which member, and the page of them."""
    st.subheader("What each member says", anchor="answers")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        shown = _pick_shown()
        member = None if shown == "random" else _pick_member(members)
        positions = _positions(shown, member, ensemble)
    if not len(positions):
        said = "mends no mistake" if shown == "mended" else "spoils no right answer"
        whose = "of any member" if member is None else f"of member {member + 1}"
        st.info(f"On these images the ensemble {said} {whose}.", icon=":material/info:")
        return
    st.caption(_prediction_hint(shown, member, ensemble, positions))
    page = positions if shown == "random" else _page(positions)
    if len(page):
        _table(page, members, ensemble, dataset)


def _positions(shown: Shown, member: int | None, ensemble: Ensemble) -> NDArray[np.int64]:
    if shown == "random":
        return draw_ten(len(ensemble))
    return ensemble.corrected(member) if shown == "mended" else ensemble.spoiled(member)


def _prediction_hint(
    shown: Shown, member: int | None, ensemble: Ensemble, positions: NDArray[np.int64]
) -> str:
    click = "Click a row for all probabilities of the image."
    marks = "✓ right, ✗ wrong; the ensemble's answer is by sum."
    if shown == "random":
        right = int((ensemble.soft[positions] == ensemble.labels[positions]).sum())
        return (
            f"{len(positions)} test images at random, {right} of them right by the ensemble: "
            f"{marks} {click}"
        )
    who = "at least one member is" if member is None else f"member {member + 1} is"
    theirs, its = ("wrong", "right") if shown == "mended" else ("right", "wrong")
    said = (
        f"the ensemble is {its} where {who} {theirs}; those that most members get {theirs} come "
        "first"
    )
    noun = "image" if len(ensemble) == 1 else "images"
    return (
        f"**{len(positions):,}** of {len(ensemble):,} test {noun}, on which {said}: {marks} {click}"
    )


def _table(
    positions: NDArray[np.int64], members: Sequence[Member], ensemble: Ensemble, dataset: Dataset
) -> None:
    names = class_names(dataset.info)
    common = ensemble.mean_probabilities

    def answer(position: int, found: int, share: float, who: str) -> PredictionCell:
        right = found == ensemble.labels[position]
        return PredictionCell(
            names[found], bool(right), f"{who}: {names[found]}, {format_probability(share)}"
        )

    short = short_labels(members)
    rows = []
    for position in positions:
        said = [
            answer(position, found, float(shares[position, found]), who)
            for found, shares, who in zip(
                ensemble.members[:, position], ensemble.probabilities, short, strict=True
            )
        ]
        found = ensemble.soft[position]
        rows.append([*said, answer(position, found, float(common[position, found]), "Ensemble")])
    indices = [int(index) for index in ensemble.indices[positions]]
    clicked = prediction_table(
        sprite(dataset.test.images[positions]),
        key="ensemble-answers",
        indices=indices,
        actual=[names[label] for label in ensemble.labels[positions]],
        columns=[*(one.replace(" · ", "\n", 1) for one in short), "Ensemble"],
        predictions=rows,
        size=_THUMBNAIL,
        description="Test images with the answer of each member and of the ensemble",
    )
    if clicked is not None:
        update_query_params(image=str(indices[clicked]))


def _pick_shown() -> Shown:
    titles: dict[Shown, str] = {
        "random": "Ten at random",
        "mended": "Mended by the ensemble",
        "spoiled": "Spoiled by it",
    }
    return render_choice(
        "show",
        "Images",
        titles,
        key="ensemble-shown",
        hint="Mended: a member is wrong and the ensemble right. Spoiled: the other way round.",
        problem=lambda word: f"There are no images called {word} here: it is {', '.join(titles)}.",
        forget=("page",),
    )


def _pick_member(members: Sequence[Member]) -> int | None:
    """The position of the member that is looked at; ``None`` for any of them."""
    short = short_labels(members)
    options = [_ANY, *(str(number) for number in range(1, len(members) + 1))]
    wanted = st.query_params.get("member", _ANY)
    chosen = wanted if wanted in options else _ANY
    st.selectbox(
        "Against",
        options,
        options.index(chosen),
        format_func=lambda one: "Any member" if one == _ANY else short[int(one) - 1],
        key=widget_key("ensemble-member", chosen),
        width=220,
        on_change=uninterruptible(_member_chosen),
        help="Whose answers the ensemble's are held against.",
    )
    if wanted != chosen:
        st.error(
            f"There is no member {quoted(wanted)}: they are numbered 1 to {len(members)}.",
            icon=":material/error:",
        )
    return None if chosen == _ANY else int(chosen) - 1


def _page(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ten of ``positions``, with a way to the others; the address holds the page."""
    pages = -(-len(positions) // TEN)
    text = st.query_params.get("page", "1")
    number = whole_number(text)
    if number is None or not 1 <= number <= pages:
        has = "1 page" if pages == 1 else f"{pages} pages"
        st.error(
            f"These images fill {has}; {quoted(text)} is none of them.", icon=":material/error:"
        )
        number = 1
    if pages > 1:
        st.number_input(
            f"Page, of {pages:,}",
            1,
            pages,
            number,
            key=widget_key("ensemble-page", number),
            width=160,
            on_change=uninterruptible(_page_chosen),
            help="Ten images a page.",
        )
    return positions[(number - 1) * TEN : number * TEN]


def _member_chosen() -> None:
    update_query_params(member=widget_value("ensemble-member"), page=None)


def _page_chosen() -> None:
    update_query_params(page=str(widget_value("ensemble-page")))


def one_image(members: Sequence[Member], ensemble: Ensemble, dataset: Dataset) -> None:
    """Show the image that the address names, if it names one."""
    wanted = st.query_params.get("image")
    if wanted is None:
        return
    index = whole_number(wanted)
    found = np.flatnonzero(ensemble.indices == (-1 if index is None else index))
    if index is None or not len(found):
        st.error(
            f"{quoted(wanted)} is none of the {len(ensemble):,} test images that the members were "
            "asked about. Click a row of the table.",
            icon=":material/error:",
        )
        return
    position = int(found[0])
    scroll_here([str(index)], key="ensemble-image")
    with st.container(border=True):
        _render_image(position, members, ensemble, dataset)
        _ways_on(index, members)


def _render_image(
    position: int, members: Sequence[Member], ensemble: Ensemble, dataset: Dataset
) -> None:
    names = class_names(dataset.info)
    actual, index = int(ensemble.labels[position]), int(ensemble.indices[position])
    common = ensemble.mean_probabilities[position]
    together = int(ensemble.soft[position])
    right = sum(int(one == actual) for one in ensemble.members[:, position])
    head, close = st.columns([6, 1])
    head.markdown(f"**Test image {index}: {escaped(names[actual])}**")
    with close:
        st.button(
            "Close",
            key="ensemble-image-close",
            type="tertiary",
            icon=":material/close:",
            on_click=uninterruptible(update_query_params),
            kwargs={"image": None},
        )
    picture, figure = st.columns([1, 6], gap="medium")
    # As a PNG at once: Streamlit's own way takes five times as long to pack it.
    picture.image(
        sprite(dataset.test.images[position : position + 1]).png,
        width=_PICTURE,
        alt=f"Test image {index}",
    )
    with figure:
        template = _TOGETHER[together == actual, right == 1]
        st.markdown(
            template.format(
                name=escaped(names[together]),
                share=format_probability(float(common[together])),
                right=right,
                members=len(members),
            )
        )
        chart(
            member_probabilities_figure(
                member_probabilities(
                    names,
                    short_labels(members),
                    ensemble.probabilities[:, position],
                    actual=actual,
                )
            ),
            key="ensemble-image-answer",
            file_name=f"ensemble-image-{index}",
            description="Probability of each class, by each member and by the ensemble",
        )


def _ways_on(index: int, members: Sequence[Member]) -> None:
    """A link to each member whose weights are there; and of the others, that they aren't."""
    stored = [_stored_as(one) for one in members]
    if any(stored):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(":small[Open it on Predict with:]", width="content")
            for one, label, which in zip(members, short_labels(members), stored, strict=True):
                if which is not None:
                    link_to(
                        "predict",
                        escaped(label),
                        run=one.run.id,
                        checkpoint=which,
                        split="test",
                        image=index,
                    )
    gone = [number for number, which in enumerate(stored, 1) if which is None]
    if gone:
        who, them = ("Member", "it") if len(gone) == 1 else ("Members", "them")
        st.caption(
            f"{who} {listed(gone)}: only the answers after that epoch were kept, not the weights, "
            f"so Predict cannot show {them}."
        )


def _stored_as(member: Member) -> Checkpoint | None:
    """As which weights of its run the very network of ``member`` is stored, if it is."""
    kinds: tuple[Checkpoint, ...] = ("last", "best")
    for which in kinds:
        there = weights_of(cache.store(), member.run, which) == which
        if there and Member(member.run, which).same_network(member):
            return which
    return None
