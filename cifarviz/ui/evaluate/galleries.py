"""Pictures worth looking at, in an order that tells something; one of them with its bars."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import Learning, least_sure_hits, surest_mistakes
from cifarviz.analysis.tables import pictures_table
from cifarviz.figures.percent import sure_percent
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.asked import AskedImages
from cifarviz.ui.evaluate.picture_links import picture_links
from cifarviz.ui.evaluate.sheets import PICTURE, Sheet, sheet_in_address, turn
from cifarviz.ui.evaluate.tile_bars import BARS_WORDS, tile_bars
from cifarviz.ui.query import render_choice, update_query_params

_TILE = 96
_ENLARGED = 192
_BARS = 5
# CSS pixels.
_MENU = 220
_EVERY = "all"
_PLAIN = {"mistakes": "Surest mistakes", "hits": "Least sure hits"}
_OVER_EPOCHS = {
    "late": "Learned late",
    "forgotten": "Learned and forgotten",
    "never": "Never learned",
}


def galleries(answered: Answered) -> None:
    """One of the galleries; those over the epochs where it is known how the images fared.

    The address of the page holds ``gallery``, ``of`` (a class), ``sheet`` and ``picture``.
    """
    evaluation, asked, learned = answered.evaluation, answered.asked, answered.learned
    st.subheader("Pictures", anchor="pictures")
    row = st.container(horizontal=True, gap="large", vertical_alignment="bottom")
    with row:
        which = render_choice(
            "gallery",
            "Which",
            _PLAIN | _OVER_EPOCHS if learned is not None else _PLAIN,
            key="evaluate-gallery",
            hint="Mistakes that the network is sure of are often odd pictures, or wrong labels; "
            "what is learned late, forgotten or never learned is hard.",
            problem=lambda word: f"There is no gallery {word} here.",
            forget=PICTURE,
        )
        with st.container(width=_MENU):
            wanted = _class(asked)
    positions, words = _ordered(which, evaluation, learned)
    if wanted is not None:
        positions = positions[evaluation.labels[positions] == wanted]
    if not len(positions):
        st.info("There is no such picture.", icon=":material/info:")
        return
    of_class = "" if wanted is None else f"-{address_names(asked.info)[wanted]}"
    with row:
        csv_button(
            "CSV",
            lambda: pictures_table(evaluation, positions, learned),
            f"{answered.name}-{which}{of_class}",
            "All pictures of this gallery, in their order, with what the network says of them, as "
            "a file for a spreadsheet.",
        )
    many = f"{len(positions):,} {asked.noun}{'' if len(positions) == 1 else 's'}"
    when = "" if answered.epoch is None else f", after epoch {answered.epoch}"
    st.caption(f"{many}. {words} Bars{when}: {BARS_WORDS}")
    sheet = sheet_in_address(positions, evaluation.indices)
    grid, detail = st.columns([3, 2], gap="medium")
    with grid:
        clicked = _grid(sheet, evaluation, asked, _labels(which, sheet.shown, evaluation, learned))
        turn(sheet, "evaluate-sheet")
    with detail:
        large_picture(sheet.chosen, answered)
        _bars(sheet.chosen, answered)
        index = int(evaluation.indices[sheet.chosen])
        picture_links(asked, index, answered.member)
    if clicked is not None and int(sheet.shown[clicked]) != sheet.chosen:
        update_query_params(picture=str(evaluation.indices[sheet.shown[clicked]]))
        st.rerun()


def _ordered(
    which: str, evaluation: Evaluation, learned: Learning | None
) -> tuple[NDArray[np.int64], str]:
    """Positions of the images in their order, and that order in words."""
    if which == "hits":
        found = least_sure_hits(evaluation.labels, evaluation.probabilities)
        return found, "Recognised, the least sure first."
    newest = "" if learned is None else f"epoch {learned.epochs[-1]}, the newest kept"
    if which == "late" and learned is not None:
        words = (
            f"Right after {newest}, wrong after some before; the last to be right for good first."
        )
        return learned.learned_late, words
    if which == "never" and learned is not None:
        never = learned.never_learned
        sure = evaluation.probabilities[never, evaluation.labels[never]]
        many = len(learned.epochs)
        words = f"Right after none of the {many} epochs kept; those it is furthest from first."
        return never[np.argsort(sure, kind="stable")], words
    if which == "forgotten" and learned is not None:
        words = f"Wrong after {newest}, right after some before; those right after most first."
        return learned.learned_and_forgotten, words
    found = surest_mistakes(evaluation.labels, evaluation.probabilities)
    return found, "Taken for another class, the surest first."


def _labels(
    which: str, shown: NDArray[np.int64], evaluation: Evaluation, learned: Learning | None
) -> list[str]:
    if which == "late" and learned is not None:
        epochs = learned.learned[shown]
        return [f"from epoch {epoch}" for epoch in epochs]
    if which == "forgotten" and learned is not None:
        return [f"right {n} of {len(learned.epochs)}" for n in learned.times_right[shown]]
    said = evaluation.probabilities[shown].argmax(axis=1)
    shares = evaluation.probabilities[shown].max(axis=1)
    return [
        f"{evaluation.classes[name]} {sure_percent(share, 0)}"
        for name, share in zip(said, shares, strict=True)
    ]


def _grid(
    sheet: Sheet, evaluation: Evaluation, asked: AskedImages, labels: list[str]
) -> int | None:
    shown, title = sheet.shown, asked.noun.capitalize()
    bars, words = tile_bars(
        evaluation.classes, evaluation.probabilities[shown], evaluation.labels[shown]
    )
    return image_grid(
        sprite(asked.images.images[shown]),
        key="evaluate-pictures",
        labels=labels,
        tooltips=[
            f"{title} {index}: {evaluation.classes[actual]}; the network says\n{said}"
            for index, actual, said in zip(
                evaluation.indices[shown], evaluation.labels[shown], words, strict=True
            )
        ],
        bars=bars,
        size=_TILE,
        selected=sheet.selected,
        description="Pictures",
    )


def large_picture(position: int, answered: Answered) -> None:
    """The picture at ``position`` among those asked, enlarged, with what it is."""
    evaluation, asked = answered.evaluation, answered.asked
    index, actual = int(evaluation.indices[position]), int(evaluation.labels[position])
    pixels = asked.images.images[position]
    large = enlarge(pixels, _ENLARGED)
    name = evaluation.classes[actual]
    st.image(
        sprite(large[np.newaxis]).png,
        width=large.shape[1],
        alt=f"{asked.noun.capitalize()} {index}, {name}, enlarged",
    )
    st.markdown(f"**{asked.noun.capitalize()} {index}**, {escaped(name)}")


def _bars(position: int, answered: Answered) -> None:
    evaluation, asked = answered.evaluation, answered.asked
    index, actual = int(evaluation.indices[position]), int(evaluation.labels[position])
    found = probabilities(evaluation.classes, evaluation.probabilities[position], actual=actual)
    chart(
        probabilities_figure(Probabilities(found.bars[:_BARS])),
        key="evaluate-picture",
        file_name=f"{asked.noun.replace(' ', '-')}-{index}",
        description=f"The {_BARS} most probable classes",
    )


def _class(asked: AskedImages) -> int | None:
    names = address_names(asked.info)
    chosen = render_choice(
        "of",
        "Of class",
        {_EVERY: "all classes"} | dict(zip(names, class_names(asked.info), strict=True)),
        key="evaluate-of",
        hint="What the pictures show, as the data set says.",
        problem=lambda word: f"There is no class {word} here: {', '.join(names)}.",
        forget=PICTURE,
        menu=True,
    )
    return None if chosen == _EVERY else names.index(chosen)
