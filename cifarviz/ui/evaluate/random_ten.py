"""Ten test images drawn at random: what they are, and what the network says."""

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.data.datasets import ImageSet
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.evaluate.draw import draw_ten
from cifarviz.ui.navigation import go_to

_TILE = 96


def random_ten(evaluation: Evaluation, test: ImageSet, **address: str) -> None:
    """Show ten of the test images, the same ones for the same ``seed``, which the address holds.

    A click on one leads to all its probabilities; ``address`` leads to the same network there.
    """
    st.subheader("Ten test images at random", anchor="random")
    drawn = draw_ten(len(evaluation))
    predicted = evaluation.predicted[drawn]
    right = predicted == evaluation.labels[drawn]
    indices = [int(index) for index in evaluation.indices[drawn]]
    labels, tooltips = [], []
    for position, index, found, is_right in zip(drawn, indices, predicted, right, strict=True):
        actual = evaluation.classes[evaluation.labels[position]]
        said, share = evaluation.classes[found], evaluation.probabilities[position, found]
        labels.append(f"{index}\n{actual}\n{'✓' if is_right else '✗'} {said}")
        tooltips.append(f"Test image {index}: {actual}; the network says {said}, {share:.1%}")
    st.caption(
        f"Under each: its official index, its class, and what the network says (✓ right, ✗ wrong); "
        f"{int(right.sum())} of these {len(drawn)} are right. Click one for all its probabilities."
    )
    clicked = image_grid(
        sprite(test.images[drawn]),
        key="evaluate-random",
        labels=labels,
        tooltips=tooltips,
        colors=[class_color(int(label)) for label in evaluation.labels[drawn]],
        size=_TILE,
        description="Ten test images at random",
    )
    if clicked is not None:
        go_to("predict", split="test", image=indices[clicked], **address)
