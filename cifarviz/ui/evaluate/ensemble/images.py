"""Test images with every member's answer: drawn at random, or where the ensemble differs."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.members import Member
from cifarviz.data.image_set import Dataset
from cifarviz.figures.percent import sure_percent
from cifarviz.figures.sprite import sprite
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.answer_table import Answer, answer_table
from cifarviz.ui.evaluate.draw import TEN, draw_ten
from cifarviz.ui.evaluate.ensemble.choices import short_labels
from cifarviz.ui.query import render_choice, update_query_params, widget_key, widget_value
from cifarviz.ui.unbroken import unbroken

Shown = Literal["random", "mended", "spoiled"]

_THUMBNAIL = 64
_ANY = "any"


def answers(members: Sequence[Member], ensemble: Ensemble, dataset: Dataset) -> None:
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
    st.caption(_words(shown, member, ensemble, positions))
    page = positions if shown == "random" else _page(positions)
    if len(page):
        _table(page, members, ensemble, dataset)


def _positions(shown: Shown, member: int | None, ensemble: Ensemble) -> NDArray[np.int64]:
    if shown == "random":
        return draw_ten(len(ensemble))
    return ensemble.mended(member) if shown == "mended" else ensemble.spoiled(member)


def _words(
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

    def answer(position: int, found: int, share: float, who: str) -> Answer:
        right = found == ensemble.labels[position]
        return Answer(names[found], bool(right), f"{who}: {names[found]}, {sure_percent(share)}")

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
    clicked = answer_table(
        sprite(dataset.test.images[positions]),
        key="ensemble-answers",
        indices=indices,
        actual=[names[label] for label in ensemble.labels[positions]],
        columns=[*(one.replace(" · ", "\n", 1) for one in short), "Ensemble"],
        answers=rows,
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
        on_change=unbroken(_member_chosen),
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
            on_change=unbroken(_page_chosen),
            help="Ten images a page.",
        )
    return positions[(number - 1) * TEN : number * TEN]


def _member_chosen() -> None:
    update_query_params(member=widget_value("ensemble-member"), page=None)


def _page_chosen() -> None:
    update_query_params(page=str(widget_value("ensemble-page")))
