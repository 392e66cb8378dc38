"""The Start page: images of each class and the newest runs."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.datasets.info import DatasetInfo
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.live.feeds import ACTIVE, active_mark
from cifarviz.live.items import state_badge
from cifarviz.live.queue_items import active_items
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import headline
from cifarviz.training.queue_estimate import queue_estimator
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import distinct_names

_MAX_PICTURES = 20
_MAX_RUNS = 4


def render_class_pictures(info: DatasetInfo) -> None:
    """Render a test image per class, at most twenty; a click leads to more of the class."""
    test = cache.nearest_dataset(info.name, "sample").test
    if info.one_of_each:
        test = test.having(info.one_of_each)
    labels, first_positions = np.unique(test.labels, return_index=True)
    shown = test.take(first_positions[:_MAX_PICTURES])
    classes = [class_names(info)[label] for label in labels[:_MAX_PICTURES]]
    clicked = image_grid(
        sprite(shown.images),
        key=f"start-classes-{info.name}",
        # As narrow as the pictures.
        labels=[name.replace(" ", "\n") for name in classes],
        tooltips=[f"{name}: browse images of this class" for name in classes],
        colors=[class_color(int(label)) for label in shown.labels],
        size=64,
        description=f"One image of each class of {info.title}",
    )
    if clicked is not None:
        name = query_class_names(info)[shown.labels[clicked]]
        go_to("samples", dataset=info.name, classes=name)


def render_newest_runs(runs: Sequence[Run]) -> None:
    """Render the newest of ``runs``, sorted by age, each with a link."""
    # The badge marks the recorded run.
    names = distinct_names(runs, marked=False)
    store = cache.store()
    active = store.active()
    items = active_items(active, queue_estimator(store).estimate(active))
    live = Live(ACTIVE, active_mark(active))
    st.header("Newest runs")
    with st.container(border=True, key="newest-runs", gap="small"):
        for run in runs[:_MAX_RUNS]:
            column, link = st.columns([5, 3], vertical_alignment="center")
            with column:
                # It may have ended between the two looks.
                if run.id in items and run.damage is None:
                    live_items({run.id: items[run.id]}, key=f"newest-{run.id}", live=live)
                else:
                    st.markdown(f"**{escaped(names[run.id])}**  \n{format_run(run)}")
            with link:
                _render_run_link(run)
    if len(runs) > _MAX_RUNS:
        link_to("runs", f"All {len(runs):,} runs")


def format_run(run: Run) -> str:
    """State, number of epochs and best result of a run, Markdown."""
    if run.damage is not None:
        return f"{state_badge(run)} {escaped(run.damage)}"
    epochs = "1 epoch" if run.epochs_done == 1 else f"{run.epochs_done:,} epochs"
    text = f"{state_badge(run)} {epochs}"
    best = headline(run)
    return f"{text} · {best}" if best else text


def _render_run_link(run: Run) -> None:
    if run.damage is not None:
        link_to("runs", "Delete on the Runs page", runs=run.id)
    elif run.state.active:
        link_to("train", "Watch training", view="watch", run=run.id)
    elif run.epochs_done:
        link_to("inside", "Look inside", run=run.id)
    else:
        link_to("runs", "Show what happened", run=run.id)
