"""The Start page: what cifarviz does, ways to its pages, the newest runs and this computer."""

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.registry import built_in_datasets
from cifarviz.people.person import is_teacher, may_make
from cifarviz.runs.recorded import recorded_last
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.classroom.board import render_class_task
from cifarviz.ui.classroom.opening import render_opening
from cifarviz.ui.data_problem import render_unlisted_runs
from cifarviz.ui.errors import render_errors
from cifarviz.ui.lesson import render_lesson_card
from cifarviz.ui.navigation import PAGES, go_to, link_to
from cifarviz.ui.start import render_class_pictures, render_newest_runs
from cifarviz.ui.this_computer import render_this_computer

_HELP = {
    "samples": "Browse random images, enlarge them, and see statistics of all images.",
    "train": "Choose a ready-made network or build your own, and train it.",
    "watch": "The curves of the run that trains, or of the newest.",
    "inside": "Feature maps of every layer of the newest trained network.",
}


def render_card(
    page: str, title: str, text: str, label: str, target: str = "", **address: str
) -> None:
    """Render a card that leads to a page; ``target`` if it leads to another page than its own."""
    with st.container(border=True, height="stretch", key=f"card-{page}"):
        st.markdown(f"## {PAGES[page].icon} {title}")
        st.markdown(text)
        target_page = target or page
        if st.button(
            label,
            key=f"door-{page}",
            icon=PAGES[target_page].icon,
            help=_HELP[address.get("view", target_page)],
        ):
            go_to(target_page, **address)


def render_inside_card(runs: list[Run]) -> None:
    """Render the card of a trained network, or of training a network."""
    newest_first = recorded_last(cache.store(), runs)
    trained = next((run for run in newest_first if run.epochs_done), None)
    text = "See the feature maps of every layer of a trained network for an image."
    if trained is not None:
        render_card("inside", "Look inside", text, "Open the newest network", run=trained.id)
        return
    training = next((run for run in runs if run.state.active), None)
    if training is not None:
        text = "Your first network is training. Look inside it after its first epoch."
        address = {"view": "watch", "run": training.id}
        render_card("inside", "Look inside", text, "Watch training", target="train", **address)
        return
    if not may_make():
        render_card("inside", "Look inside", text, "Open the page")
        return
    text = "There is no trained network yet. Training a network takes about a minute."
    render_card("inside", "Look inside", text, "Start training", target="train")


with st.container(key="start-top"):
    left, right = st.columns([3, 8], gap="medium", vertical_alignment="center")
with left:
    st.title("cifarviz")
    st.markdown(
        "Watch a convolutional network learn to classify small pictures, and look inside it while "
        "it learns."
    )
# Ten images of 64 pixels in a row.
with right, st.container(width=740, gap="xsmall"):
    for info in built_in_datasets():
        with render_errors():
            # The page Data has a download button for missing ones.
            if library.available_variants(info, cache.settings()):
                render_class_pictures(info)
with render_errors():
    render_class_task()
runs: list[Run] = []
with render_errors():
    runs = cache.store().all()
    render_unlisted_runs()
render_lesson_card()
browse, train, inside = st.columns(3)
with browse:
    render_card(
        "samples",
        "Browse",
        "See what the network learns from: images, classes and pixels.",
        "Browse the images",
    )
with train:
    if may_make():
        render_card(
            "train",
            "Train",
            "Choose a network and watch its loss and accuracy while it learns.",
            "Train a network",
        )
    else:
        text = "See the loss and accuracy of a network while it learns."
        render_card("train", "Watch", text, "Watch a run", view="watch")
with inside, render_errors():
    render_inside_card(runs)
if is_teacher():
    link_to("data", "Get full data sets, or bring your own pictures")
elif may_make():
    link_to("data", "Bring your own pictures")
left, right = st.columns([2, 1])
with left, render_errors():
    if runs:
        render_newest_runs(runs)
if is_teacher():
    with right if runs else left, render_errors():
        render_this_computer()
        render_opening()
