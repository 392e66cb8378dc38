"""The run that is presented: the address names it, else it is the recorded one."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.errors import CifarvizError
from cifarviz.live.words import DAMAGED
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.pickers import run_labels
from cifarviz.ui.present.stage import warn
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.unbroken import unbroken

_KEY = "present-run"
OF_A_RUN = ("epoch", "image", "layer", "at")
"""What in the address belongs to one run."""


def chosen_run(runs: Sequence[Run]) -> Run | None:
    """The run to present, of ``runs``; what cannot be is said, and another one is taken."""
    usual = _usual(runs)
    wanted = st.query_params.get("run")
    if wanted is None:
        if usual is not None:
            update_query_params(run=usual.id)
        return usual
    found = next((run for run in runs if run.id == wanted), None)
    instead = "" if usual is None else f" Here is {quoted(usual.name)} instead."
    if found is None:
        warn(f"There is no run {quoted(wanted)} here (any more).{instead}")
        return usual
    if problem := _unreadable(found):
        warn(f"{quoted(found.name)} cannot be presented: {escaped(problem)}{instead}")
        return usual
    return found


def run_menu(place: DeltaGenerator, runs: Sequence[Run], shown: Run) -> None:
    """A menu of all runs in the speaker's panel."""
    names = run_labels(list(runs))
    words = {
        run.id: f"{names[run.id]} ({DAMAGED if run.damage else run.state})"
        for run in runs
        if run.origin != ORIGIN
    }
    ids = [run.id for run in runs]
    place.selectbox(
        "Run",
        ids,
        ids.index(shown.id),
        format_func=lambda one: words.get(one, names[one]),
        key=widget_key(_KEY, shown.id),
        on_change=unbroken(_chosen),
        help="The training that is presented. The recorded one comes with cifarviz.",
    )


def _chosen() -> None:
    update_query_params(**dict.fromkeys(OF_A_RUN), run=widget_value(_KEY))


def _usual(runs: Sequence[Run]) -> Run | None:
    fit = [run for run in runs if _unreadable(run) is None]
    recorded = [run for run in fit if run.origin == ORIGIN]
    learned = [run for run in fit if run.epochs_done]
    return next(iter([*recorded, *learned, *fit]), None)


def _unreadable(run: Run) -> str | None:
    try:
        run.experiment  # noqa: B018
    except CifarvizError as error:
        return str(error)
    return None


def all_runs() -> list[Run]:
    """All runs of this home, the newest first."""
    return cache.store().all()
