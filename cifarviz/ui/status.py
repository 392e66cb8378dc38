"""The sidebar's word on the current run, on every page."""

import streamlit as st

from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.ui import cache
from cifarviz.ui.navigation import link_to


@st.fragment(run_every=2)
def run_status() -> None:
    """Name, epoch and progress of the run at work, and how many wait."""
    active = cache.store().active()
    if not active:
        st.caption("Nothing is training just now.")
        return
    run, *waiting = active
    with st.container(border=True, key="run-status"):
        st.markdown(f"**{run.name}**  \n{_words(run)}")
        if run.progress is not None and run.progress.steps_per_epoch:
            total = run.progress.steps_per_epoch * run.experiment.epochs
            st.progress(min(1.0, run.progress.step / total))
        if waiting:
            st.caption(f"{len(waiting)} more waiting")
        link_to("train", "Watch", view="watch", run=run.id)


def _words(run: Run) -> str:
    if run.state is RunState.QUEUED:
        return "waiting for its turn"
    if run.progress is None or run.progress.epoch == 0:
        return f"{run.state}, preparing"
    return f"{run.state}, epoch {run.progress.epoch} of {run.experiment.epochs}"
