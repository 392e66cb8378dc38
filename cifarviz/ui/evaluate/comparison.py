"""Two networks asked about the same images: where they differ, in figures and in pictures."""

from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.disagreements import CorrectNetwork, Disagreements, compare_evaluations
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.members import Member
from cifarviz.analysis.tables import disagreements_table
from cifarviz.errors import CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.figures.percent import format_probability, percent
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.live.items import Metric
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import TileBar, image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.dataset_images import available_dataset
from cifarviz.ui.ensemble.members import labels, token
from cifarviz.ui.epoch_scrubber import epochs_with_predictions
from cifarviz.ui.evaluate.evaluation import EvaluationView, evaluation_job, kept_answers, wait_for
from cifarviz.ui.evaluate.galleries import (
    PICTURE,
    large_picture,
    render_sheet_switch,
    sheet_in_address,
)
from cifarviz.ui.evaluate.matrix import picture_links
from cifarviz.ui.metrics import accuracy_metric, render_metrics
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import checkpoints_of
from cifarviz.ui.query import render_choice, update_query_params

# What is rarer by chance is usually taken for more than chance.
_RARE = 0.05
_NONE = "none"
_TILE = 96
_BARS = 4

# CSS pixels.
_MENU = 420
_SIDES: dict[CorrectNetwork, str] = {
    "first": "Only A is right",
    "second": "Only B is right",
    "neither": "Both wrong, differently",
}


def comparison(answered: EvaluationView) -> None:
    """Choose a second network, and see what it makes of the same images.

    The address of the page holds it as ``with``, and as ``side`` who is right.
    """
    st.subheader(
        "Beside another network",
        anchor="beside",
        help="Two networks may be right equally often, and about different images.",
    )
    rival = _pick(answered)
    if rival is None:
        return
    second = answers_of(rival, answered)
    found = None if second is None else compare_evaluations(answered.evaluation, second)
    if found is None or not len(found):
        st.info(
            f"No {answered.asked.noun} was put to both of them: they were asked about different "
            "ones. Choose another network.",
            icon=":material/info:",
        )
        return
    _in_figures(found, rival, answered)
    _in_pictures(found, rival, answered)


def _pick(answered: EvaluationView) -> Member | None:
    members = rivals(answered)
    wanted = st.query_params.get("with", _NONE)
    if not members and wanted == _NONE:
        st.info(
            f"There is no other network here that was asked about {answered.asked.info.title} "
            f"images in the same way: {answered.asked.noun}s that it did not learn from.",
            icon=":material/info:",
        )
        link_to("train", "Train another")
        return None
    names = dict(zip(members, labels(list(members.values())), strict=True))
    with st.container(width=_MENU):
        chosen = render_choice(
            "with",
            "B, beside this one, A",
            {_NONE: "Choose a network"} | names,
            key="evaluate-with",
            hint="Another run on the same data set, or other weights of this one.",
            problem=lambda word: _problem(word, wanted, answered),
            forget=(*PICTURE, "side"),
            usual=_NONE,
            menu=True,
        )
    return members.get(chosen)


def _problem(word: str, wanted: str, answered: EvaluationView) -> str:
    run = next((one for one in cache.store().all() if one.id == wanted.partition("@")[0]), None)
    title = answered.asked.info.title
    if run is None:
        return f"There is no run {word} here."
    if dataset_of(run) != answered.asked.info.name:
        return f"{escaped(run.name)} was not trained on {title}, so both were never asked the same."
    if answered.member.run.id == run.id:
        return f"{word} is the network that is shown, or it has no such weights: choose another."
    return f"{escaped(run.name)} has no answers to the {answered.asked.noun}s that these are about."


def _in_figures(found: Disagreements, rival: Member, answered: EvaluationView) -> None:
    first, second = found.accuracies
    many = f"the {len(found):,} {answered.asked.noun}s that both were asked about"
    name = escaped(rival.run.name)
    when = f", {rival.label}"
    st.caption(
        f"A is the network shown above; B is {name}{when}. All is about {many}"
        f"{'' if len(found) == len(answered.evaluation) else f' (A: {len(answered.evaluation):,})'}"
        "."
    )
    render_metrics(
        [
            accuracy_metric("Accuracy of A", first, len(found), f"Its share of {many}."),
            accuracy_metric("Accuracy of B", second, len(found), f"Its share of {many}."),
            Metric(
                "The same answer",
                percent(found.agreement),
                "The share of the images for which both say the same class, right or wrong.",
            ),
        ],
        level=4,
    )
    table, words = st.columns([2, 3], gap="large")
    (both, only_a), (only_b, none) = found.counts.tolist()
    table.markdown(
        "| Images | B right | B wrong |\n|:--|--:|--:|\n"
        f"| **A right** | {both:,} | **{only_a:,}** |\n"
        f"| **A wrong** | **{only_b:,}** | {none:,} |"
    )
    with words:
        st.markdown(chance_words(only_a, only_b, found.p_value))
        csv_button(
            "Save all answers as CSV",
            lambda: disagreements_table(found, answered.evaluation.classes, np.arange(len(found))),
            f"{answered.name}-beside-{rival.run.id}-{rival.when}",
            "A row an image: its class, and what both networks say of it and how surely.",
        )


def _in_pictures(found: Disagreements, rival: Member, answered: EvaluationView) -> None:
    side = render_choice(
        "side",
        "Pictures",
        _SIDES,
        key="evaluate-side",
        hint="Images to which the two give different answers. First come those of which they think "
        "most differently.",
        problem=lambda word: f"There is no side {word}: it is {', '.join(_SIDES)}.",
        forget=PICTURE,
    )
    places = found.where(side)
    if not len(places):
        st.info("There is no such picture.", icon=":material/info:")
        return
    st.caption(
        f"{len(places):,} {answered.asked.noun}{'' if len(places) == 1 else 's'}. Bars: how sure A "
        "and, below, B are of what they say, outlined where that is right."
    )
    sheet = sheet_in_address(places, found.indices)
    grid, detail = st.columns([3, 2], gap="medium")
    with grid:
        clicked = _grid(sheet.shown, sheet.selected, found, answered)
        render_sheet_switch(sheet, "evaluate-beside")
    with detail:
        large_picture(int(found.positions[sheet.chosen]), answered)
        _bars(sheet.chosen, found, answered)
        index = int(found.indices[sheet.chosen])
        for place, name, member in zip(st.columns(2), "AB", (answered.member, rival), strict=True):
            with place:
                st.caption(f"With {name}")
                picture_links(answered.asked, index, member)
    if clicked is not None and int(sheet.shown[clicked]) != sheet.chosen:
        update_query_params(picture=str(found.indices[sheet.shown[clicked]]))
        st.rerun()


def _grid(
    shown: NDArray[np.int64], selected: int, found: Disagreements, answered: EvaluationView
) -> int | None:
    classes, title = answered.evaluation.classes, answered.asked.noun.capitalize()
    a, b = (said[shown] for said in found.predicted)
    rows = np.arange(len(shown))
    sure = np.stack([found.first[shown][rows, a], found.second[shown][rows, b]], axis=1)
    bars = [
        [
            TileBar(share, class_color(int(one)), bool(one == label))
            for one, share in zip(said, shares, strict=True)
        ]
        for said, shares, label in zip(
            np.stack([a, b], axis=1), sure, found.labels[shown], strict=True
        )
    ]
    return image_grid(
        sprite(answered.asked.images.images[found.positions[shown]]),
        key="evaluate-beside-pictures",
        labels=[f"A {classes[one]}\nB {classes[two]}" for one, two in zip(a, b, strict=True)],
        tooltips=[
            f"{title} {index}: {classes[label]}; A says {classes[one]}, {format_probability(p)}; "
            f"B says {classes[two]}, {format_probability(q)}"
            for index, label, one, two, (p, q) in zip(
                found.indices[shown], found.labels[shown], a, b, sure, strict=True
            )
        ],
        bars=bars,
        size=_TILE,
        selected=selected,
        description="Pictures to which the two networks give different answers",
    )


def _bars(place: int, found: Disagreements, answered: EvaluationView) -> None:
    classes, actual = answered.evaluation.classes, int(found.labels[place])
    for name, shares in (("A", found.first[place]), ("B", found.second[place])):
        st.markdown(f"**{name}** says")
        bars = probabilities(classes, shares, actual=actual).bars
        chart(
            probabilities_figure(Probabilities(bars[:_BARS])),
            key=f"evaluate-beside-{name}",
            file_name=f"answer-of-{name}",
            description=f"The {_BARS} most probable classes, says {name}",
        )


def chance_words(only_a: int, only_b: int, chance: float) -> str:
    """What follows from the images that only A or only B gets right.

    ``chance``: how probable a split at least as uneven is if both are equally good.
    """
    total = only_a + only_b
    if not total:
        return "There is no image that only one of them gets right: nothing tells them apart."
    said = (
        f"**{total:,}** {'image is' if total == 1 else 'images are'} recognised by only one of "
        f"them: {only_a:,} by A, {only_b:,} by B. "
    )
    if only_a == only_b:
        return said + "That is as even as can be: on these images neither is better."
    said += (
        "If both were equally good, each of these would be like the toss of a coin, and a split "
        f"at least as uneven would come up in **{percent(chance)}** of all cases (McNemar’s exact "
        "test). "
    )
    if chance >= _RARE:
        return said + "That is no rarity: this does not show that either is better."
    better = "A" if only_a > only_b else "B"
    return (
        f"{said}That is hardly chance: on images like these **{better} is better**. What another "
        "seed of the training would give is another question."
    )


def rivals(answered: EvaluationView) -> dict[str, Member]:
    """By what the address calls them, networks of the same data set, the newest first.

    About test images any can be asked. What was said of validation images, which were held back
    from a run's own training, other runs may have learned from: then it is those that held back
    some too, after the same epoch, or the newest of theirs.
    """
    info, own = answered.asked.info, answered.member
    runs = [one for one in cache.store().all() if dataset_of(one) == info.name]
    if answered.asked.split == "test":
        return {token(one): one for run in runs for one in _other_weights(run, own)}
    kept = {run.id: epochs_with_predictions(run) for run in runs}
    found = {}
    for run in runs:
        if run.id != own.run.id and kept[run.id] and run.experiment.validation.kind == "split":
            epochs = kept[run.id]
            near = answered.epoch if answered.epoch in epochs else epochs[-1]
            found[run.id] = Member(run, near)
    return found


def answers_of(rival: Member, answered: EvaluationView) -> Evaluation | None:
    """What ``rival`` said of the images it was asked about; ``None`` if that was stopped.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``DataError``.
    """
    dataset = available_dataset(rival.run)
    if not isinstance(rival.when, int):
        return wait_for(evaluation_job(rival.run, rival.when, dataset), "The other network")
    found, asked = kept_answers(rival.run.id, rival.when, dataset)
    return found if asked.split == answered.asked.split else None


def dataset_of(run: Run) -> str | None:
    """What ``run`` was trained on; ``None`` if this version cannot read that."""
    return _dataset_of(run.experiment_json)


def _other_weights(run: Run, but: Member) -> list[Member]:
    """The weights of ``run``, each network once, and not the one ``but``."""
    found: list[Member] = []
    for which in checkpoints_of(run):
        one = Member(run, which)
        if not any(map(one.same_network, (*found, but))):
            found.append(one)
    return found


@lru_cache(maxsize=1000)
def _dataset_of(experiment_json: str) -> str | None:
    try:
        return Experiment.from_json(experiment_json).data.dataset
    except CifarvizError:
        return None
