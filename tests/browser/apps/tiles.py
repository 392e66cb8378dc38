"""Two grids of tiles: labelled colour images, and unlabelled maps of which one is dead."""

import numpy as np
import streamlit as st

from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui.components.image_grid import TileBar, image_grid

st.title("Tiles")
rng = np.random.default_rng(0)
images = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
maps = rng.integers(0, 256, (128, 4, 4), dtype=np.uint8)

chosen = image_grid(
    sprite(images),
    key="images",
    labels=[f"label {i}" for i in range(20)],
    colors=[class_color(i) for i in range(20)],
    bars=[
        # That of the chosen one is full: other bars for tiles that stay.
        [TileBar(1 if i == st.session_state.get("chosen") else 0.25, class_color(i), marked=True)]
        for i in range(20)
    ],
    size=96,
    selected=st.session_state.get("chosen"),
    description="Samples",
)
if chosen is not None:
    st.session_state.chosen = chosen
    st.rerun()
st.write(f"image: {st.session_state.get('chosen')}")

channel = image_grid(
    sprite(maps), key="maps", size=48, muted={5}, noun="Channel", description="Channels"
)
st.write(f"channel: {channel}")
