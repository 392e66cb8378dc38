"""How far everybody in the class is, and the task that is set."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import streamlit as st

from cifarviz.datasets.registry import all_datasets, find_dataset
from cifarviz.errors import RunNotFound
from cifarviz.figures.percent import format_percent
from cifarviz.people.person import current_person, is_teacher, may_make
from cifarviz.runs.members import Task, load_class, save_class
from cifarviz.runs.records import Run
from cifarviz.runs.standings import Standing, class_standings
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.errors import render_errors
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import run_labels
from cifarviz.ui.runs.rows import run_plan
from cifarviz.ui.runs.showing import show_run

ACCURACY_MEANING: Final = (
    "The highest validation accuracy of each person, after any epoch of any run."
)

# Seconds after which somebody is no longer called here.
_AWAY_SECONDS = 90.0


def is_here(standing: Standing) -> bool:
    """Whether somebody's page was open a moment ago."""
    return time.time() - standing.member.seen < _AWAY_SECONDS


def standings_mark(standings: Sequence[Standing]) -> str:
    """Return a hash of what is drawn of them; browsers get nothing else."""
    facts = [
        (
            one.member.name,
            is_here(one),
            one.runs,
            one.accuracy,
            None if one.active is None else (one.active.id, one.active.state),
        )
        for one in standings
    ]
    return hashlib.blake2b(repr(facts).encode(), digest_size=6).hexdigest()


def render_board() -> None:
    """Show the task and who is how far; students see the names if the teacher shows the board."""
    store = cache.store()
    task = load_class(store).task
    if task is not None:
        _render_task(task)
    if is_teacher():
        _render_task_form(store, task)
    elif not load_class(store).board:
        own = " Your runs are on the page Runs." if may_make() else ""
        st.markdown(f"The teacher does not show the board now.{own}")
        link_to("train", "Train a network")
        return

    def standings() -> list[Standing]:
        return class_standings(store, lambda run: _counts(run, task))

    with render_errors():
        rerun_on_change("class-board", lambda: standings_mark(standings()), key="board-live")
        _render_ranks([one for one in standings() if one.accuracy is not None], task)


def render_class_task() -> None:
    """Show people of a class the task that is set, if any, with a way to the board."""
    if not cache.settings().class_open:
        return
    task = load_class(cache.store()).task
    if task is not None:
        with st.container(border=True, key="class-task-card"):
            _render_task(task)
            link_to("classroom", "See the board", ":material/leaderboard:")


def _counts(run: Run, task: Task | None) -> bool:
    if task is None:
        return True
    if task.dataset not in (None, run.experiment.data.dataset):
        return False
    parameters = run_plan(run).parameters
    return task.parameters is None or (parameters is not None and parameters <= task.parameters)


def _render_ranks(ranked: Sequence[Standing], task: Task | None) -> None:
    if not ranked:
        network = "a network" if task is None else "a network that counts"
        st.markdown(f"Nobody has validated {network} yet.")
        return
    fits = "" if task is None else " Runs that do not fit the task are left out."
    st.caption(f"{ACCURACY_MEANING}{fits}")
    own = current_person().id
    for one in ranked:
        assert one.best is not None
        assert one.accuracy is not None
        # Equal ones share a place.
        place = 1 + sum((other.accuracy or 0.0) > one.accuracy for other in ranked)
        parameters = run_plan(one.best).parameters
        size = "" if parameters is None else f" · {parameters:,} parameters"
        size += f" · {escaped(find_dataset(one.best.experiment.data.dataset).title)}"
        you = " (you)" if one.member.id == own else ""
        is_met = task is not None and one.accuracy > task.accuracy
        sign = " :green[:material/check_circle:]" if is_met else ""
        left, right = st.columns(2, vertical_alignment="center")
        left.markdown(f"## {place}\\. {escaped(one.member.name)}{you}{sign}")
        right.progress(one.accuracy, f"**{format_percent(one.accuracy)}**{size}")


def _render_task(task: Task) -> None:
    most = "" if task.parameters is None else f" with at most {task.parameters:,} parameters"
    place = "" if task.dataset is None else f" on {escaped(find_dataset(task.dataset).title)}"
    st.markdown(f"## Beat {format_percent(task.accuracy)}{place}{most}")
    if task.run is not None:
        with suppress(RunNotFound):
            label = f"Start from “{escaped(cache.store().get(task.run).name)}”"
            link_to("train", label, ":material/start:", view="setup", run=task.run)


def _render_task_form(store: RunStore, task: Task | None) -> None:
    with st.expander("Set a task", icon=":material/flag:", expanded=False), st.form("class-task"):
        runs = [run for run in store.all() if run.owner is None and run.damage is None]
        labels = {"": "None", **run_labels(runs)}
        chosen = (task.run if task is not None else None) or ""
        chosen = chosen if chosen in labels else ""
        datasets = {info.name: info.title for info in all_datasets()}
        wanted = next(iter(datasets)) if task is None else (task.dataset or "")
        left, place, middle, right = st.columns(4)
        accuracy = left.number_input(
            "Validation accuracy to beat, %",
            1.0,
            99.9,
            55.0 if task is None else 100 * task.accuracy,
            step=1.0,
        )
        choices = ["", *datasets]
        dataset = place.selectbox(
            "Data set",
            choices,
            index=choices.index(wanted) if wanted in choices else 0,
            format_func=lambda name: datasets.get(name, "Any"),
        )
        parameters = middle.number_input(
            "At most so many parameters",
            0,
            10**9,
            50_000 if task is None else (task.parameters or 0),
            step=10_000,
            help="0: any number.",
        )
        run = right.selectbox(
            "Run to start from",
            list(labels),
            index=list(labels).index(chosen),
            format_func=labels.__getitem__,
            help="One of your own runs. The class sees it, and can start from its settings or "
            "weights.",
        )
        row = st.container(horizontal=True)
        is_set = row.form_submit_button("Set the task", type="primary", icon=":material/flag:")
        is_gone = row.form_submit_button("No task", icon=":material/close:")
    if not (is_set or is_gone):
        return
    with render_errors():
        facts = accuracy / 100, parameters or None, run or None, dataset or None
        new = Task(*facts) if is_set else None
        if new is not None and new.run is not None:
            show_run(store.get(new.run))
        save_class(store, replace(load_class(store), task=new))
        st.rerun()
