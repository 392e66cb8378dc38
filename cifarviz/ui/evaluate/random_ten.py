"""Ten images drawn at random: what they are, and what the network says."""

import streamlit as st

from cifarviz.analysis.tables import pictures_table
from cifarviz.figures.percent import percent
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.draw import draw_ten
from cifarviz.ui.navigation import go_to

_TILE = 96


def random_ten(answered: Answered) -> None:
    """Show ten of the images, the same ones for the same ``seed``, which the address holds.

    A click on one leads to all its probabilities, by the same network.
    """
    evaluation, asked = answered.evaluation, answered.asked
    title = asked.noun.capitalize()
    st.subheader(f"Ten {asked.noun}s at random", anchor="random")
    drawn = draw_ten(len(evaluation))
    predicted = evaluation.predicted[drawn]
    right = predicted == evaluation.labels[drawn]
    indices = [int(index) for index in evaluation.indices[drawn]]
    labels, tooltips = [], []
    for position, index, found, is_right in zip(drawn, indices, predicted, right, strict=True):
        actual = evaluation.classes[evaluation.labels[position]]
        said, share = evaluation.classes[found], evaluation.probabilities[position, found]
        labels.append(f"{index}\n{actual}\n{'✓' if is_right else '✗'} {said}")
        tooltips.append(f"{title} {index}: {actual}; the network says {said}, {percent(share)}")
    where = "its feature maps" if answered.epoch is not None else "all its probabilities"
    st.caption(
        f"Under each: its official index, its class, and what the network says (✓ right, ✗ wrong); "
        f"{int(right.sum())} of these {len(drawn)} are right. Click one for {where}."
    )
    clicked = image_grid(
        sprite(asked.images.images[drawn]),
        key="evaluate-random",
        labels=labels,
        tooltips=tooltips,
        colors=[class_color(int(label)) for label in evaluation.labels[drawn]],
        size=_TILE,
        description=f"Ten {asked.noun}s at random",
    )
    csv_button(
        "Save these as CSV",
        lambda: pictures_table(evaluation, drawn),
        f"{answered.name}-random",
        "The images above with what the network says of them, as a file for a spreadsheet.",
    )
    if clicked is not None:
        # Predict asks only the weights that a run has kept to the end.
        page = "inside" if answered.epoch is not None else "predict"
        go_to(page, split=asked.split, image=indices[clicked], **answered.address)
