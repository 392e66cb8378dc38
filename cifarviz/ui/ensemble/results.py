"""The predictions of an ensemble for the test images."""

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
from cifarviz.figures.percent import format_percent, format_probability
from cifarviz.figures.sprite import sprite
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.prediction_table import PredictionCell, prediction_table
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.ensemble.members import (
    available_weights,
    format_numbers,
    member_labels,
    short_member_labels,
)
from cifarviz.ui.evaluate.galleries import RANDOM_COUNT, draw_images
from cifarviz.ui.evaluate.image_details import read_page, render_pagination
from cifarviz.ui.metrics import INTERVAL_HINT, format_interval
from cifarviz.ui.navigation import link_to
from cifarviz.ui.published import format_changes
from cifarviz.ui.query import render_choice, update_query_params, widget_key, widget_value

# Fields of an experiment that make its network no better or worse.
_IRRELEVANT = ("seed", "test_epochs", "tensorboard", "best_only")
Selection = Literal["random", "mended", "spoiled"]
_SELECTIONS: dict[Selection, str] = {
    "random": "Random images",
    "mended": "Corrected by the ensemble",
    "spoiled": "Made wrong by the ensemble",
}
_THUMBNAIL = 64
_ENLARGED = 128
_ANY = "any"

# By whether the ensemble is right, and whether exactly one member is.
_VOTE_TEXTS = {
    (True, True): "Ensemble: **{name}**, {share} (right). {right} of {members} members is right.",
    (True, False): "Ensemble: **{name}**, {share} (right). {right} of {members} members are right.",
    (False, True): "Ensemble: **{name}**, {share} (wrong). {right} of {members} members is right.",
    (False, False): "Ensemble: **{name}**, {share} (wrong). {right} of {members} members are "
    "right.",
}


def render_results(members: Sequence[Member], ensemble: Ensemble, dataset: Dataset) -> None:
    """Show the accuracies as numbers and in a chart, and on what they were measured."""
    names, short = member_labels(members), short_member_labels(members)
    accuracies, best = ensemble.member_accuracies, ensemble.best_member
    measured = (*accuracies, ensemble.soft_accuracy, ensemble.majority_accuracy)
    # An image of 1,000 is a tenth of a percent: more digits would mean nothing.
    digits = 2 if len(ensemble) >= 10_000 else 1
    metrics = (
        (
            SUM,
            ensemble.soft_accuracy,
            "Soft voting: the members' probabilities are added, and the largest sum wins. "
            f"{INTERVAL_HINT}",
        ),
        (
            MAJORITY,
            ensemble.majority_accuracy,
            "Hard voting: each member has one vote, for its most probable class.",
        ),
        (
            f"Best member ({escaped(short[best])})",
            accuracies[best],
            f"{escaped(names[best])}: the most accurate member on these test images.",
        ),
    )
    *columns, gain = st.columns(4)
    for column, (label, accuracy, hint) in zip(columns, metrics, strict=True):
        with column.container(gap=None):
            st.metric(label, format_percent(accuracy, digits), help=hint)
            st.caption(format_interval(accuracy, len(ensemble), digits))
    with gain.container(gap=None):
        st.metric(
            "Gain of the ensemble",
            f"{100 * ensemble.gain:+.{digits}f} points".replace("-", "−"),
            help="Accuracy by sum minus that of the best member, in percentage points. Below: the "
            "images that only the ensemble or only the best member gets right, and how probable so "
            "uneven a split is by chance (McNemar’s exact test).",
        )
        st.caption(_gain_text(ensemble, best))
    weights = "; ".join(
        f"{name}: {member.label}" for name, member in zip(short, members, strict=True)
    )
    st.caption(escaped(f"{' '.join(_source_sentences(members, dataset))} Weights: {weights}."))
    left, right = st.columns([3, 2], gap="large")
    preset = _published_preset(members)
    with left:
        chart(
            ensemble_accuracies_figure(
                ensemble_accuracies(
                    short,
                    names,
                    accuracies,
                    by_sum=ensemble.soft_accuracy,
                    by_majority=ensemble.majority_accuracy,
                    published=() if preset is None else _published_accuracies(preset),
                    digits=digits,
                    bounds=[accuracy_interval(accuracy, len(ensemble)) for accuracy in measured],
                )
            ),
            key="ensemble-accuracies",
            view=",".join(names),
            file_name="ensemble",
            description="Test accuracy of each member and of the ensemble",
        )
    with right:
        st.markdown(
            "**By sum** (soft voting), the members' probabilities for each class are added, and "
            "the largest sum wins: a confident member weighs more. **By majority** (hard voting), "
            "each member has one vote; if classes have the same number of votes, the sum decides."
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
                "Predictions as CSV",
                lambda: votes_table(ensemble, class_names(dataset.info), names),
                "ensemble-answers",
                "A row per test image: its class, and the predictions of each member and of the "
                "ensemble.",
            )


def _gain_text(ensemble: Ensemble, best: int) -> str:
    together, alone = ensemble.soft == ensemble.labels, ensemble.members[best] == ensemble.labels
    corrected, worsened = int((together & ~alone).sum()), int((alone & ~together).sum())
    chance = format_percent(mcnemar_p_value(corrected, worsened))
    return f"{corrected:,} corrected, {worsened:,} made wrong; by chance: {chance}"


def _source_sentences(members: Sequence[Member], dataset: Dataset) -> list[str]:
    count, title = len(dataset.test), dataset.info.title
    if dataset.variant == "full":
        sentences = [f"Measured on all {count:,} test images of {title}."]
    else:
        mixed = len({member.run.experiment.data.variant for member in members}) > 1
        reason = (
            "because not all members were trained on the full set"
            if mixed
            else "because the members were trained on the sample"
        )
        sentences = [
            f"Measured on the {count:,} test images of the embedded {title} sample, {reason}."
        ]
    if any(
        isinstance(member.run.experiment.validation, TestValidation) and member.when == "best"
        for member in members
    ):
        sentences.append(
            "These are also validation images by which a best epoch was chosen, so its accuracy is "
            "too high."
        )
    return sentences


def _published_preset(members: Sequence[Member]) -> Preset | None:
    """Return the preset that all members come from, if an ensemble was published with it."""
    (name, *others) = {member.run.experiment.preset for member in members}
    preset = PRESETS.get(name or "") if not others else None
    return preset if preset is not None and "ensemble_accuracy" in preset.facts else None


def _published_accuracies(preset: Preset) -> tuple[tuple[str, float], ...]:
    return (
        ("Published, last member", preset.facts["history"][-1].val_accuracy),
        ("Published ensemble", preset.facts["ensemble_accuracy"]),
    )


def _render_published(
    preset: Preset, members: Sequence[Member], ensemble: Ensemble, digits: int
) -> None:
    member, together = (accuracy for _, accuracy in _published_accuracies(preset))
    side = "above" if ensemble.gain >= 0 else "below"
    st.markdown(
        f"**Published** ({preset.facts['year']}): last member {member:.{digits}%}, ensemble "
        f"{together:.{digits}%}, {100 * (together - member):.{digits}f} points above it. Here: "
        f"{ensemble.soft_accuracy:.{digits}%}, {100 * abs(ensemble.gain):.{digits}f} points "
        f"{side} the best member."
    )
    runs = list({member.run.id: member.run for member in members}.values())
    differences = format_changes(runs, but=_IRRELEVANT)
    if len(members) != preset.members:
        differences += (
            f" The published ensemble has {preset.members} members, this one {len(members)}."
        )
    if differences:
        st.caption(
            ":material/warning: "
            + escaped(f"The published results are of the unchanged preset. {differences.strip()}")
        )
    for note in preset.notes:
        st.caption(f":material/info: {escaped(note)}")


def render_predictions_table(
    members: Sequence[Member], ensemble: Ensemble, dataset: Dataset
) -> None:
    """Show predictions as a table; the address holds which images, whose, and the page."""
    st.header("Predictions of each member", anchor="answers")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        selection = render_choice(
            "show",
            "Images",
            _SELECTIONS,
            key="ensemble-shown",
            hint="Corrected: a member is wrong and the ensemble right. Made wrong: the other way "
            "round.",
            problem=lambda word: (
                f"There are no images called {word}. Choose from {', '.join(_SELECTIONS)}."
            ),
            forget=("page",),
        )
        member = None if selection == "random" else _pick_member(members)
        positions = (
            draw_images(len(ensemble))
            if selection == "random"
            else ensemble.corrected(member)
            if selection == "mended"
            else ensemble.spoiled(member)
        )
    subject = "at least one member is" if member is None else f"member {member + 1} is"
    its, theirs = ("right", "wrong") if selection == "mended" else ("wrong", "right")
    if selection == "random":
        right = int((ensemble.soft[positions] == ensemble.labels[positions]).sum())
        text = f"{len(positions)} random test images; the ensemble is right for {right}."
    elif len(positions):
        text = (
            f"**{len(positions):,}** of {len(ensemble):,} test images: the ensemble is {its} where "
            f"{subject} {theirs}; those that most members get {theirs} come first."
        )
    else:
        outcome = "corrects no mistake" if selection == "mended" else "makes no prediction wrong"
        owner = "any member" if member is None else f"member {member + 1}"
        st.info(f"On these images, the ensemble {outcome} of {owner}.", icon=":material/info:")
        return
    st.caption(
        f"{text} ✓ right, ✗ wrong; the ensemble's prediction is by sum. Click a row for all "
        "probabilities of the image."
    )
    if selection == "random":
        _render_table(positions, members, ensemble, dataset)
        return
    page = read_page(positions, RANDOM_COUNT)
    _render_table(page.positions, members, ensemble, dataset)
    render_pagination(page, f"ensemble-page-{selection}-{member}")


def _render_table(
    positions: NDArray[np.int64], members: Sequence[Member], ensemble: Ensemble, dataset: Dataset
) -> None:
    names, short = class_names(dataset.info), short_member_labels(members)
    # Members first, then the ensemble: (voters, k) classes and (voters, k, classes) probabilities.
    predicted = np.vstack([ensemble.members[:, positions], ensemble.soft[positions]])
    shares = [*ensemble.probabilities[:, positions], ensemble.mean_probabilities[positions]]
    labels = ensemble.labels[positions]
    rows = [
        [
            PredictionCell(
                names[guess],
                bool(guess == label),
                f"{voter}: {names[guess]}, {format_probability(float(probabilities[row, guess]))}",
            )
            for guess, probabilities, voter in zip(
                predicted[:, row], shares, (*short, "Ensemble"), strict=True
            )
        ]
        for row, label in enumerate(labels)
    ]
    indices = ensemble.indices[positions].tolist()
    clicked = prediction_table(
        sprite(dataset.test.images[positions]),
        key="ensemble-answers",
        indices=indices,
        actual=[names[label] for label in labels],
        columns=[*(label.replace(" · ", "\n", 1) for label in short), "Ensemble"],
        predictions=rows,
        size=_THUMBNAIL,
        description="Test images with the predictions of each member and of the ensemble",
    )
    if clicked is not None:
        update_query_params(image=str(indices[clicked]))


def _pick_member(members: Sequence[Member]) -> int | None:
    """Return the position of the member to compare with; ``None`` for any of them."""
    names = {_ANY: "Any member"} | {
        str(number): label for number, label in enumerate(short_member_labels(members), 1)
    }
    wanted = st.query_params.get("member", _ANY)
    chosen = wanted if wanted in names else _ANY
    st.selectbox(
        "Compared with",
        list(names),
        list(names).index(chosen),
        format_func=names.__getitem__,
        key=widget_key("ensemble-member", chosen),
        width=220,
        on_change=_member_chosen,
        help="The member whose predictions are compared with those of the ensemble.",
    )
    if wanted != chosen:
        st.error(
            f"There is no member {quoted(wanted)}: they are numbered 1 to {len(members)}.",
            icon=":material/error:",
        )
    return None if chosen == _ANY else int(chosen) - 1


def _member_chosen() -> None:
    update_query_params(member=widget_value("ensemble-member"), page=None)


def render_chosen_image(members: Sequence[Member], ensemble: Ensemble, dataset: Dataset) -> None:
    """Show the image that the address names, if it names any."""
    wanted = st.query_params.get("image")
    if wanted is None:
        return
    index = whole_number(wanted)
    found = np.flatnonzero(ensemble.indices == (-1 if index is None else index))
    if index is None or not len(found):
        st.error(
            f"{quoted(wanted)} is not among the {len(ensemble):,} test images of the members. "
            "Click a row of the table.",
            icon=":material/error:",
        )
        return
    scroll_here([str(index)], key="ensemble-image")
    with st.container(border=True):
        _render_image(int(found[0]), members, ensemble, dataset)
        _render_member_links(index, members)


def _render_image(
    position: int, members: Sequence[Member], ensemble: Ensemble, dataset: Dataset
) -> None:
    names = class_names(dataset.info)
    actual, index = int(ensemble.labels[position]), int(ensemble.indices[position])
    together = int(ensemble.soft[position])
    right = int((ensemble.members[:, position] == actual).sum())
    head, close = st.columns([6, 1])
    head.markdown(f"**Test image {index}: {escaped(names[actual])}**")
    close.button(
        "Close",
        key="ensemble-image-close",
        type="tertiary",
        icon=":material/close:",
        on_click=update_query_params,
        kwargs={"image": None},
    )
    left, figure = st.columns([1, 6], gap="medium")
    # As a PNG: Streamlit's own encoding takes five times as long.
    left.image(
        sprite(dataset.test.images[position : position + 1]).png,
        width=_ENLARGED,
        alt=f"Test image {index}",
    )
    with figure:
        st.markdown(
            _VOTE_TEXTS[together == actual, right == 1].format(
                name=escaped(names[together]),
                share=format_probability(float(ensemble.mean_probabilities[position, together])),
                right=right,
                members=len(members),
            )
        )
        chart(
            member_probabilities_figure(
                member_probabilities(
                    names,
                    short_member_labels(members),
                    ensemble.probabilities[:, position],
                    actual=actual,
                )
            ),
            key="ensemble-image-answer",
            file_name=f"ensemble-image-{index}",
            description="Probability of each class, by each member and by the ensemble",
        )


def _render_member_links(index: int, members: Sequence[Member]) -> None:
    """Link to each member with stored weights, and name the others."""
    stored = [_stored_checkpoint(member) for member in members]
    if any(stored):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(":small[Open on Predict with:]", width="content")
            for member, label, checkpoint in zip(
                members, short_member_labels(members), stored, strict=True
            ):
                if checkpoint is not None:
                    link_to(
                        "predict",
                        escaped(label),
                        run=member.run.id,
                        checkpoint=checkpoint,
                        split="test",
                        image=index,
                    )
    missing = [number for number, checkpoint in enumerate(stored, 1) if checkpoint is None]
    if len(missing) == 1:
        st.caption(
            f"Member {missing[0]}: only predictions of this epoch were saved, not its weights, so "
            "Predict cannot show it."
        )
    elif missing:
        st.caption(
            f"Members {format_numbers(missing)}: only predictions of these epochs were saved, not "
            "their weights, so Predict cannot show them."
        )


def _stored_checkpoint(member: Member) -> Checkpoint | None:
    """Return which weights of its run are the very network of ``member``, if any are."""
    kinds: tuple[Checkpoint, ...] = ("last", "best")
    for checkpoint in kinds:
        stored = available_weights(cache.store(), member.run, checkpoint) == checkpoint
        if stored and Member(member.run, checkpoint).same_network(member):
            return checkpoint
    return None
