"""Watch: a run as it learns, for any number of people, wherever it was started."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.errors import RunNotFound
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.live.charts import live_charts
from cifarviz.ui.live.controls import queue, steering, waits_for, what_next
from cifarviz.ui.live.status import live_status
from cifarviz.ui.live.words import badge, doing, outcome
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.query import update_query_params
from cifarviz.ui.tensorboard_command import show_tensorboard_files

# Seconds between two looks at the store: while somebody waits for the first point or for what
# was asked, while it trains, afterwards.
_SOON, _LIVE, _IDLE = 0.4, 1.0, 5.0


def live_view() -> None:
    """Show the run that the address names, else the one at work, else the newest."""
    run = _watched()
    if run is None:
        return
    state.remember("run", run.id)
    every = _pace(run)
    if run.state.active:
        st.fragment(_watch, run_every=every)(run.id, every)
    else:
        # Charts that don't change any more stay out of what is sent again and again. In a
        # container, as a fragment is: so they stay the same charts when the run ends.
        with st.container():
            _show(run, cache.store().active())
        st.fragment(_look_again, run_every=every)(run.id)


def _watched() -> Run | None:
    run_id = st.query_params.get("run")
    if run_id is not None:
        try:
            return cache.store().get(run_id)
        except RunNotFound:
            st.error(f"There is no run {quoted(run_id)} here.", icon=":material/error:")
            link_to("runs", "See the runs there are")
            return None
    active = cache.store().active()
    runs = active or cache.store().all()
    runs = [run for run in runs if run.damage is None] or runs
    if not runs:
        st.info(
            "Nothing has been trained here yet. Choose a preset and press Train: a first run on "
            "the embedded sample takes less than a minute.",
            icon=":material/info:",
        )
        if st.button("Set up a run", type="primary", icon=":material/tune:"):
            go_to("train", view="setup")
        return None
    update_query_params(run=runs[0].id)
    return runs[0]


def _pace(run: Run) -> float:
    if not run.state.active:
        return _IDLE
    begun = run.progress is not None and run.progress.step > 0
    waited_for = run.requested is not None or run.state is RunState.STOPPING
    return _LIVE if begun and not waited_for else _SOON


def _watch(run_id: str, every: float) -> None:
    with errors_shown():
        run = cache.store().get(run_id)
        if _pace(run) != every:
            st.rerun()
        active = cache.store().active()
        _show(run, active)
        queue(run, active)


def _look_again(run_id: str) -> None:
    with errors_shown():
        run = cache.store().get(run_id)
        if run.state.active:
            st.rerun()
        queue(run, cache.store().active())


def _show(run: Run, active: Sequence[Run]) -> None:
    top = st.container(horizontal=True, vertical_alignment="center")
    with top, st.container(width="stretch"):
        st.subheader(escaped(run.name), anchor=False)
        words = waits_for(run, active) or escaped(doing(run) or outcome(run))
        st.markdown(f"{badge(run)} {words}")
    # There also while it is empty: what follows keeps its place, and a zoomed chart its zoom,
    # when the run ends.
    below = st.container()
    if run.state.active:
        with top:
            steering(run)
    else:
        with below:
            what_next(run)
    if run.message and run.state is RunState.QUEUED:
        st.warning(escaped(run.message), icon=":material/warning:")
    if run.note:
        st.warning(escaped(run.note), icon=":material/warning:")
    live_status(run)
    live_charts(run)
    show_tensorboard_files(run)
