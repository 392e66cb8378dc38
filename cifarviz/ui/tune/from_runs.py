"""The view of runs chosen on the Runs page: what they differ in, and what mattered."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.trials import trials_of_runs
from cifarviz.experiment.study import Goal
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import render_choice
from cifarviz.ui.tune.results import render_trials

_GOALS: dict[Goal, str] = {"accuracy": "Validation accuracy", "loss": "Validation loss"}
_FEWEST = 2
# How many unknown runs of the address are named.
_MOST_NAMED = 5


def render_from_runs() -> None:
    """Show the runs whose ids the address holds as ``runs``, and what is best by ``goal``."""
    runs = _runs_in_address()
    if len(runs) < _FEWEST:
        st.info(
            "Tick two or more runs on the Runs page, then choose “What mattered”: this page shows "
            "what sets them apart, and which of it made the results better or worse.",
            icon=":material/info:",
        )
        link_to("runs", "Choose runs")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        goal = render_choice(
            "goal",
            "Best is",
            _GOALS,
            key="tune-goal",
            hint=None,
            problem=lambda word: (
                f"Runs can't be compared by {word}, so the validation accuracy is used."
            ),
            label_visibility="collapsed",
        )
        ids = ",".join(run.id for run in runs)
        link_to("runs", f"{len(runs)} runs: choose others", runs=ids)
    histories = cache.store().histories([run.id for run in runs])
    render_trials(trials_of_runs(runs, histories, goal), key="tune-runs")


def _runs_in_address() -> Sequence[Run]:
    """Return the runs of the address, the oldest first; shows an error for unknown ids."""
    wanted = list(dict.fromkeys(filter(None, st.query_params.get("runs", "").split(","))))
    known = {run.id: run for run in cache.store().all()}
    if unknown := [quoted(run_id) for run_id in wanted if run_id not in known]:
        more = len(unknown) - _MOST_NAMED
        names = ", ".join(unknown[:_MOST_NAMED]) + (f", {more} more" if more > 0 else "")
        st.error(f"There is no run {names} here.", icon=":material/error:")
    return sorted(
        (known[run_id] for run_id in wanted if run_id in known), key=lambda run: run.created
    )
