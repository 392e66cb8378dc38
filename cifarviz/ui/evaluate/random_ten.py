"""Ten test images drawn at random: what they are, and what the network says."""

import numpy as np
import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.data.datasets import ImageSet
from cifarviz.data.random_images import random_positions
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import state
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.followed_address import change, show
from cifarviz.ui.navigation import go_to

_TEN = 10
_TILE = 96
_FIRST_SEED = 0
# Short enough to be read out in a room.
_DRAWN_SEEDS = 10_000


def random_ten(evaluation: Evaluation, test: ImageSet, **address: str) -> None:
    """Show ten of the test images, the same ones for the same ``seed``, which the address holds.

    A click on one leads to all its probabilities; ``address`` leads to the same network there.
    """
    st.subheader("Ten test images at random", anchor="random")
    drawn = random_positions(len(evaluation), _TEN, _seed())
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


def _seed() -> int:
    wanted = st.query_params.get("seed", str(_FIRST_SEED))
    seed = whole_number(wanted)
    show("evaluate-seed", wanted)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.text_input(
        "Seed",
        key="evaluate-seed",
        width=130,
        on_change=_change_seed,
        help="The number that the draw begins from: the same seed draws the same images.",
    )
    row.button(
        "Draw again",
        icon=":material/shuffle:",
        on_click=_draw,
        help="Draw ten others, with a new seed.",
    )
    if seed is None:
        st.error(
            f"{quoted(wanted)} is no seed: it is a whole number from 0 to 999,999,999. Seed "
            f"{_FIRST_SEED} is used.",
            icon=":material/error:",
        )
        return _FIRST_SEED
    return seed


def _change_seed() -> None:
    change(seed=str(state.get("evaluate-seed")).strip())


def _draw() -> None:
    change(seed=str(np.random.default_rng().integers(_DRAWN_SEEDS)))
