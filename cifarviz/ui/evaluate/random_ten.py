"""Ten images drawn at random: what they are, and what the network says."""

import streamlit as st

from cifarviz.analysis.tables import pictures_table
from cifarviz.figures.sprite import sprite
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.draw import draw_ten
from cifarviz.ui.evaluate.picture_links import way_inside
from cifarviz.ui.evaluate.tile_bars import BARS_WORDS, tile_bars
from cifarviz.ui.navigation import go_to
from cifarviz.ui.number_words import in_words

_TILE = 96


def random_ten(answered: Answered) -> None:
    """Show ten of the images, the same ones for the same ``seed``, which the address holds.

    A click on one leads to all its probabilities, by the same network.
    """
    evaluation, asked = answered.evaluation, answered.asked
    title = asked.noun.capitalize()
    heading = st.container()
    drawn = draw_ten(len(evaluation))
    what = f"{in_words(len(drawn)).capitalize()} {asked.noun}s at random"
    heading.subheader(what, anchor="random")
    predicted = evaluation.predicted[drawn]
    right = predicted == evaluation.labels[drawn]
    indices = [int(index) for index in evaluation.indices[drawn]]
    bars, words = tile_bars(
        evaluation.classes, evaluation.probabilities[drawn], evaluation.labels[drawn]
    )
    labels, tooltips = [], []
    for row, position in enumerate(drawn):
        actual = evaluation.classes[evaluation.labels[position]]
        said = f"{'✓' if right[row] else '✗'} {evaluation.classes[predicted[row]]}"
        labels.append(f"{indices[row]}\n{actual}\n{said}")
        tooltips.append(f"{title} {indices[row]}: {actual}; the network says\n{words[row]}")
    where, ways = "all its probabilities", []
    if answered.epoch is not None:
        # Predict asks only the weights that a run has kept to the end.
        ways = [way_inside(asked, index, answered.member) for index in indices]
        whose = {way.words for way in ways}
        which = whose.pop() if len(whose) == 1 else "after the nearest epoch that has them"
        where = f"its feature maps {which}".rstrip()
    st.caption(
        f"Under each: its official index, its class, and what the network says (✓ right, ✗ wrong); "
        f"{int(right.sum())} of these {len(drawn)} are right. Bars: {BARS_WORDS} "
        f"Click one for {where}."
    )
    clicked = image_grid(
        sprite(asked.images.images[drawn]),
        key="evaluate-random",
        labels=labels,
        tooltips=tooltips,
        bars=bars,
        size=_TILE,
        description=what,
    )
    csv_button(
        "Save these as CSV",
        lambda: pictures_table(evaluation, drawn),
        f"{answered.name}-random",
        "The images above with what the network says of them, as a file for a spreadsheet.",
    )
    if clicked is not None:
        if ways:
            go_to("inside", **ways[clicked].address)
        go_to("predict", split=asked.split, image=indices[clicked], **answered.address)
