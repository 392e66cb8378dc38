"""Ten test images drawn at random; the address holds the seed of the draw."""

import numpy as np
import streamlit as st

from cifarviz.data.random_images import Positions, random_positions
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.query import same_text, update_query_params, widget_key, widget_value
from cifarviz.ui.unbroken import unbroken

TEN = 10
_KEY = "evaluate-seed"
_FIRST_SEED = 0
# Short enough to be read out in a room.
_DRAWN_SEEDS = 10_000


def draw_ten(images: int) -> Positions:
    """Show the seed and a button for another one; gives ten positions among so many images."""
    return random_positions(images, TEN, _seed())


def _seed() -> int:
    wanted = st.query_params.get("seed", str(_FIRST_SEED))
    seed = whole_number(wanted)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.text_input(
        "Seed",
        wanted,
        key=widget_key(_KEY, wanted, same_text),
        width=130,
        on_change=unbroken(_change_seed),
        help="The number that the draw begins from: the same seed draws the same images.",
    )
    row.button(
        "Draw again",
        icon=":material/shuffle:",
        on_click=unbroken(_draw),
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
    update_query_params(seed=widget_value(_KEY).strip())


def _draw() -> None:
    update_query_params(seed=str(np.random.default_rng().integers(_DRAWN_SEEDS)))
