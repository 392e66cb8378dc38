"""Two networks on the same images: where they differ, in numbers and in images."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.disagreements import CorrectNetwork, Disagreements, compare_evaluations
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.members import Member
from cifarviz.analysis.tables import disagreements_table
from cifarviz.figures.percent import format_percent, format_probability
from cifarviz.figures.probabilities import probabilities, probabilities_figure
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
from cifarviz.ui.ensemble.members import experiment_facts, format_member, member_labels
from cifarviz.ui.epoch_scrubber import epochs_with_predictions
from cifarviz.ui.evaluate.evaluation import (
    EvaluationView,
    evaluation_job,
    stored_evaluation,
    wait_for_evaluation,
)
from cifarviz.ui.evaluate.galleries import GALLERY_PARAMS, gallery_page, render_gallery_image
from cifarviz.ui.evaluate.image_details import (
    TILE_SIZE,
    open_clicked_image,
    render_image_links,
    render_pagination,
)
from cifarviz.ui.metrics import accuracy_metric, render_metrics
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import available_checkpoints
from cifarviz.ui.query import render_choice

# The usual level of significance.
_SIGNIFICANCE = 0.05
_NONE = "none"
_BARS = 4

# CSS pixels.
_MENU_WIDTH = 420
_SIDES: dict[CorrectNetwork, str] = {
    "first": "Only A is right",
    "second": "Only B is right",
    "neither": "Both wrong, differently",
}


def render_comparison(view: EvaluationView) -> None:
    """Choose a second network, and show where the two differ on the same images.

    The address holds the network as ``with``, and as ``side`` which of them is right.
    """
    st.header(
        "Compare with another run",
        anchor="beside",
        help="Two networks with the same accuracy may be right for different images.",
    )
    rival = _pick_rival(view)
    if rival is None:
        return
    evaluation = _evaluate_rival(rival, view)
    compared = None if evaluation is None else compare_evaluations(view.evaluation, evaluation)
    if compared is None or not len(compared):
        st.info(
            f"The two networks have no {view.images.noun} in common. Choose another network.",
            icon=":material/info:",
        )
        return
    _render_numbers(compared, rival, view)
    _render_images(compared, rival, view)


def _pick_rival(view: EvaluationView) -> Member | None:
    rivals = _rivals(view)
    wanted = st.query_params.get("with", _NONE)
    if not rivals and wanted == _NONE:
        st.info(
            f"There is no other network here with predictions for {view.images.info.title} "
            f"{view.images.noun}s.",
            icon=":material/info:",
        )
        link_to("train", "Train another network")
        return None
    names = dict(zip(rivals, member_labels(list(rivals.values())), strict=True))
    with st.container(width=_MENU_WIDTH):
        chosen = render_choice(
            "with",
            "Compare A, shown above, with B",
            {_NONE: "Choose a network"} | names,
            key="evaluate-with",
            hint="Another run on the same data set, or other weights of this run.",
            problem=lambda word: _unknown_rival_text(word, wanted, view),
            forget=(*GALLERY_PARAMS, "side"),
            usual=_NONE,
            menu=True,
        )
    return rivals.get(chosen)


def _unknown_rival_text(word: str, wanted: str, view: EvaluationView) -> str:
    run_id = wanted.partition("@")[0]
    run = next((run for run in cache.store().all() if run.id == run_id), None)
    if run is None:
        return f"There is no run {word} here."
    name, info = escaped(run.name), view.images.info
    if _dataset_of(run) != info.name:
        return f"{name} was not trained on {info.title}. Choose a run on the same data set."
    if view.member.run.id == run.id:
        return f"{word} is the network shown above, or has no such weights. Choose another network."
    return f"{name} has no predictions for these {view.images.noun}s. Choose another network."


def _render_numbers(compared: Disagreements, rival: Member, view: EvaluationView) -> None:
    first, second = compared.accuracies
    common = f"{len(compared):,} {view.images.noun}s"
    caption = (
        f"A is the network shown above; B is {escaped(rival.run.name)}, {rival.label}. All numbers "
        f"are for the {common} that both were evaluated on"
    )
    if len(compared) == len(view.evaluation):
        st.caption(f"{caption}.")
    else:
        st.caption(f"{caption} (A: {len(view.evaluation):,}).")
    render_metrics(
        [
            accuracy_metric(
                "Accuracy of A", first, len(compared), f"Share of the {common} that A gets right."
            ),
            accuracy_metric(
                "Accuracy of B", second, len(compared), f"Share of the {common} that B gets right."
            ),
            Metric(
                "Same prediction",
                format_percent(compared.agreement),
                "Share of the images for which both predict the same class, right or wrong.",
            ),
        ]
    )
    left, right = st.columns([2, 3], gap="large")
    (both, only_a), (only_b, none) = compared.counts.tolist()
    left.markdown(
        "| Images | B right | B wrong |\n|:--|--:|--:|\n"
        f"| **A right** | {both:,} | **{only_a:,}** |\n"
        f"| **A wrong** | **{only_b:,}** | {none:,} |"
    )
    with right:
        st.markdown(significance_text(only_a, only_b, compared.p_value))
        classes, rows = view.evaluation.classes, np.arange(len(compared))
        csv_button(
            "Save all predictions as CSV",
            lambda: disagreements_table(compared, classes, rows),
            f"{view.file_name}-beside-{rival.run.id}-{rival.when}",
            "A row per image: its class, and both networks' predictions with their probabilities.",
        )


def _render_images(compared: Disagreements, rival: Member, view: EvaluationView) -> None:
    side = render_choice(
        "side",
        "Images",
        _SIDES,
        key="evaluate-side",
        hint="Images for which the predictions differ, the largest difference in probability "
        "first.",
        problem=lambda word: f"There is no side {word}. Choose from {', '.join(_SIDES)}.",
        forget=GALLERY_PARAMS,
    )
    places = compared.where(side)
    if not len(places):
        st.info("There are no such images.", icon=":material/info:")
        return
    noun = view.images.noun if len(places) == 1 else f"{view.images.noun}s"
    st.caption(
        f"{len(places):,} {noun}. Bars: the probability of A's prediction and, below, of B's, "
        "outlined where it is right."
    )
    page, selected = gallery_page(places, compared.indices)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        clicked = _render_grid(page.positions, selected, compared, view)
        render_pagination(page, "evaluate-beside", forget=("picture",))
    with right:
        render_gallery_image(int(compared.positions[selected]), view)
        _render_bars(selected, compared, view)
        index = int(compared.indices[selected])
        for column, name, member in zip(st.columns(2), "AB", (view.member, rival), strict=True):
            with column:
                st.caption(f"With {name}")
                render_image_links(view.images, index, member)
    open_clicked_image(clicked, page.positions, selected, compared.indices)


def _render_grid(
    places: NDArray[np.int64], selected: int, compared: Disagreements, view: EvaluationView
) -> int | None:
    classes, title = view.evaluation.classes, view.images.noun.capitalize()
    labels, tooltips, bars = [], [], []
    for place in places:
        label, index = compared.labels[place], compared.indices[place]
        first, second = compared.first[place], compared.second[place]
        a, b = int(first.argmax()), int(second.argmax())
        labels.append(f"A {classes[a]}\nB {classes[b]}")
        tooltips.append(
            f"{title} {index}: {classes[label]}; A predicts {classes[a]}, "
            f"{format_probability(first[a])}; B predicts {classes[b]}, "
            f"{format_probability(second[b])}"
        )
        bars.append(
            [
                TileBar(first[a], class_color(a), bool(a == label)),
                TileBar(second[b], class_color(b), bool(b == label)),
            ]
        )
    return image_grid(
        sprite(view.images.pixels[compared.positions[places]]),
        key="evaluate-beside-pictures",
        labels=labels,
        tooltips=tooltips,
        bars=bars,
        size=TILE_SIZE,
        selected=int(np.flatnonzero(places == selected)[0]),
        description="Images for which the two networks predict different classes",
    )


def _render_bars(place: int, compared: Disagreements, view: EvaluationView) -> None:
    classes, actual = view.evaluation.classes, int(compared.labels[place])
    for name, shares in (("A", compared.first[place]), ("B", compared.second[place])):
        st.markdown(f"**{name}** predicts")
        chart(
            probabilities_figure(probabilities(classes, shares, actual=actual, most=_BARS)),
            key=f"evaluate-beside-{name}",
            file_name=f"prediction-of-{name}",
            description=f"The most probable classes by {name} and the actual one, {_BARS} at most",
        )


def significance_text(only_a: int, only_b: int, chance: float) -> str:
    """Return what follows from the numbers of images that only A or only B gets right.

    ``chance``, 0 to 1: how probable a split at least as uneven is if both are equally good.
    """
    total = only_a + only_b
    if not total:
        return "No image is recognised by only one of them: they do not differ on these images."
    counts = (
        f"**1** image is recognised by only one of them: {only_a:,} by A, {only_b:,} by B."
        if total == 1
        else f"**{total:,}** images are recognised by only one of them: {only_a:,} by A, "
        f"{only_b:,} by B."
    )
    if only_a == only_b:
        return f"{counts} On these images, neither is better."
    test = (
        f"{counts} If both were equally good, a split at least as uneven would have a probability "
        f"of **{format_percent(chance)}** (McNemar’s exact test)."
    )
    if chance >= _SIGNIFICANCE:
        return f"{test} This does not show that either is better."
    better = "A" if only_a > only_b else "B"
    return (
        f"{test} This is hardly chance: on images like these **{better} is better**. The test does "
        "not tell how runs with another seed would compare."
    )


def _rivals(view: EvaluationView) -> dict[str, Member]:
    """Return networks of the same data set by their names in an address, the newest first.

    On test images, any network can be evaluated. The validation images of one run may be training
    images of another: for these, it is the runs that held out some too, after the same epoch or
    the newest they saved.
    """
    info, own = view.images.info, view.member
    runs = [run for run in cache.store().all() if _dataset_of(run) == info.name]
    if view.images.split == "test":
        return {
            format_member(member): member for run in runs for member in _other_networks(run, own)
        }
    rivals = {}
    for run in runs:
        if run.id != own.run.id and run.experiment.validation.kind == "split":
            epochs = epochs_with_predictions(run)
            if epochs:
                near = view.epoch if view.epoch in epochs else epochs[-1]
                rivals[run.id] = Member(run, near)
    return rivals


def _evaluate_rival(rival: Member, view: EvaluationView) -> Evaluation | None:
    """Return the evaluation of ``rival``; ``None`` if it was stopped or is of another split.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``DataError``.
    """
    dataset = available_dataset(rival.run)
    if not isinstance(rival.when, int):
        return wait_for_evaluation(
            evaluation_job(rival.run, rival.when, dataset), "The other network"
        )
    evaluation, images = stored_evaluation(rival.run.id, rival.when, dataset)
    return evaluation if images.split == view.images.split else None


def _other_networks(run: Run, own: Member) -> list[Member]:
    """Return the networks that ``run`` has weights of, each once, without ``own``."""
    networks: list[Member] = []
    for checkpoint in available_checkpoints(run):
        member = Member(run, checkpoint)
        if not any(map(member.same_network, (*networks, own))):
            networks.append(member)
    return networks


def _dataset_of(run: Run) -> str | None:
    facts = experiment_facts(run.experiment_json)
    return None if facts is None else facts.dataset
