"""The sidebar's word on the current run, on every page."""

import streamlit as st

from cifarviz.runs.run_headline import headline
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.live.words import badge, doing
from cifarviz.ui.navigation import PAGES, link_to, open_here
from cifarviz.ui.state import query_memory
from cifarviz.ui.unbroken import unbroken


@st.fragment(run_every=2)
def run_status() -> None:
    """Name, epoch, progress and best epoch of the run at work, and how many wait."""
    active = cache.store().active()
    if any(run.orphaned for run in active):
        cache.adopt_orphans()
    if not active:
        st.caption("Nothing is training just now.")
        return
    run, *waiting = active
    with st.container(border=True, key="run-status"):
        st.markdown(f"**{escaped(run.name)}**  \n{badge(run)} {doing(run)}")
        sound = run.damage is None
        if sound and run.progress is not None and run.progress.steps_per_epoch:
            total = run.progress.steps_per_epoch * run.experiment.epochs
            st.progress(min(1.0, run.progress.step / total))
        if best := headline(run):
            st.caption(f"Best so far: {best}")
        if waiting:
            st.caption(f"{len(waiting)} more waiting")
        address = {"view": "watch", "run": run.id}
        if query_memory().page == "train":
            st.button(
                "Watch",
                key="watch-run",
                type="tertiary",
                icon=PAGES["train"].icon,
                on_click=unbroken(open_here),
                args=("train",),
                kwargs=address,
            )
        else:
            link_to("train", "Watch", **address)
