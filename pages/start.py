"""Start: what this is, the three doors, and the state of the data."""

from functools import partial
from typing import Literal

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.registry import all_datasets
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import PAGES, go_to
from cifarviz.ui.start import class_pictures, data_panel, newest_runs

# Panels beside each other.
A_ROW = 3
_HELP = {
    "samples": "Look at random images, one of them large, and what all of them are like.",
    "train": "Pick a ready-made network or build your own, and press Train.",
    "inside": "Feature maps of every layer of the newest run that has finished an epoch.",
}


def door(page: str, title: str, words: str, label: str, lead: str = "", **address: str) -> None:
    """Show one of the ways on; ``lead`` names the page it leads to when that is another."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"#### {PAGES[page].icon} {title}")
        st.markdown(words)
        to = lead or page
        kind: Literal["primary", "secondary"] = "primary" if page == "train" else "secondary"
        if st.button(label, key=f"door-{page}", type=kind, icon=PAGES[to].icon, help=_HELP[to]):
            go_to(to, **address)


def inside_door(runs: list[Run]) -> None:
    """Show the way to a trained network, or to training one."""
    ready = next((run for run in runs if run.epochs_done), None)
    words = "See what every layer of a trained network makes of an image, channel by channel."
    if ready is not None:
        door("inside", "Look inside", words, "Look inside the newest", run=ready.id)
        return
    learning = next((run for run in runs if run.state.active), None)
    if learning is not None:
        words = "The first network is learning just now: watch it, and look inside after an epoch."
        address = {"view": "watch", "run": learning.id}
        door("inside", "Look inside", words, "Watch it learn", lead="train", **address)
        return
    words = "There is no trained network to look into yet: train one first, which takes a minute."
    door("inside", "Look inside", words, "Train one first", lead="train")


left, right = st.columns([3, 8], gap="medium", vertical_alignment="center")
with left:
    st.title("cifarviz")
    st.markdown(
        "Watch a convolutional network learn to tell kinds of things apart in small pictures, "
        "and look inside it while it learns."
    )
# Ten images of 64 pixels beside each other.
with right, st.container(width=740, gap="xsmall"):
    for one in all_datasets():
        with errors_shown():
            # What is not here yet is said below, where it can be fetched.
            if library.available_variants(one, cache.settings()):
                class_pictures(one)
runs: list[Run] = []
with errors_shown():
    runs = cache.store().all()
browse, train, inside = st.columns(3)
with browse:
    door(
        "samples",
        "Browse",
        "See what the network will learn from: the images, their classes, their pixels.",
        "Browse the images",
    )
with train:
    door(
        "train",
        "Train",
        "Choose a network and watch its loss and accuracy move while it learns.",
        "Train a network",
    )
with inside:
    inside_door(runs)
panels = [partial(data_panel, info) for info in all_datasets()]
if runs:
    panels.append(partial(newest_runs, runs))
for row in range(0, len(panels), A_ROW):
    for place, show in zip(st.columns(A_ROW), panels[row : row + A_ROW], strict=False):
        with place, errors_shown():
            show()
