"""Start: what this is, the state of the data, and the three doors."""

from typing import Literal

import numpy as np
import streamlit as st

from cifarviz.data.datasets import CIFAR10, DATASETS
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.runs.records import Run
from cifarviz.ui import cache
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
# Official indices of test images that are easy to make out, one a class; the sample has them.
_ONE_OF_EACH = (1072, 231, 67, 1123, 267, 460, 392, 1170, 1253, 38)


def picture() -> None:
    """Show one test image of each class; a click leads to more of the class."""
    test = cache.dataset(CIFAR10.name, "sample").test
    classes = CIFAR10.classes
    shown = test.take(np.flatnonzero(np.isin(test.indices, _ONE_OF_EACH)))
    shown = shown.take(np.argsort(shown.labels))
    clicked = image_grid(
        sprite(shown.images),
        key="start-classes",
        labels=classes,
        tooltips=[f"{name}: browse images of this class" for name in classes],
        colors=[class_color(label) for label in range(len(classes))],
        size=96,
        description="One image of each class",
    )
    if clicked is not None:
        go_to("samples", classes=classes[clicked])


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


left, right = st.columns([5, 6], vertical_alignment="center")
with left:
    st.title("cifarviz")
    st.markdown(
        "Watch a convolutional network learn to tell ten kinds of things apart in real photographs "
        "of 32 × 32 pixels, and look inside it while it learns."
    )
    st.caption(f"The images: [{CIFAR10.title}]({CIFAR10.page}). {CIFAR10.citation}")
# Five beside each other, so that ten make two rows.
with right, st.container(width=532), errors_shown():
    picture()
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
data, newest = st.columns(2) if runs else (st.container(), st.container())
with data:
    for info in DATASETS.values():
        with errors_shown():
            data_panel(info)
if runs:
    with newest, errors_shown():
        newest_runs(runs)
