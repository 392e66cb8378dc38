"""Start: what this is, the three doors, and the state of the data."""

from typing import Literal

import numpy as np
import streamlit as st

from cifarviz.data.datasets import DATASETS, DatasetInfo
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import PAGES, go_to
from cifarviz.ui.start.data import data_panel
from cifarviz.ui.start.runs import newest_runs

_HELP = {
    "samples": "Look at random images, one of them large, and what all of them are like.",
    "train": "Pick a ready-made network or build your own, and press Train.",
    "inside": "Feature maps of every layer of the newest run that has finished an epoch.",
}


def picture(info: DatasetInfo) -> None:
    """Show one test image of each class; a click leads to more of the class."""
    test = cache.dataset(info.name, "sample").test
    classes = class_names(info)
    shown = test.take(np.flatnonzero(np.isin(test.indices, info.one_of_each)))
    shown = shown.take(np.argsort(shown.labels))
    clicked = image_grid(
        sprite(shown.images),
        key=f"start-classes-{info.name}",
        # As narrow as the pictures.
        labels=[name.replace(" ", "\n") for name in classes],
        tooltips=[f"{name}: browse images of this class" for name in classes],
        colors=[class_color(label) for label in range(len(classes))],
        size=64,
        description=f"One image of each class of {info.title}",
    )
    if clicked is not None:
        go_to("samples", dataset=info.name, classes=address_names(info)[clicked])


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
        "Watch a convolutional network learn to tell ten kinds of things apart, in small "
        "photographs or in grey pictures of clothes, and look inside it while it learns."
    )
# Ten images of 64 pixels beside each other.
with right, st.container(width=740, gap="xsmall"):
    for one in DATASETS.values():
        with errors_shown():
            picture(one)
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
places = st.columns(len(DATASETS) + bool(runs))
for place, info in zip(places, DATASETS.values(), strict=False):
    with place, errors_shown():
        data_panel(info)
if runs:
    with places[-1], errors_shown():
        newest_runs(runs)
