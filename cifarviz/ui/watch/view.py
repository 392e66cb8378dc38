"""Watch: a run as it learns, for any number of people, wherever it was started."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.errors import RunNotFound
from cifarviz.live.feeds import RunFeed, run_mark
from cifarviz.live.hub import hub
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.earlier_losses import show_earlier_losses_of_curves
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.published_ghost import ghost_switch, shows_published
from cifarviz.ui.query import update_query_params
from cifarviz.ui.tensorboard_command import show_tensorboard_files
from cifarviz.ui.watch.charts import live_charts
from cifarviz.ui.watch.controls import queue, steering, what_next


def live_view() -> None:
    """Show the run that the address names, else the one at work, else the newest."""
    run = _watched()
    if run is None:
        return
    state.remember("run", run.id)
    active = cache.store().active()
    _show(run, active)
    queue(run, active)


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


def _show(run: Run, active: Sequence[Run]) -> None:
    feed, live = _feed(run)
    items = feed.items()
    top = st.container(horizontal=True, vertical_alignment="center")
    with top, st.container(width="stretch"):
        st.subheader(escaped(run.name), anchor=False)
        live_items({"state": items["state"]}, key="live-state", live=live, reports_break=True)
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
    live_items({"metrics": items["metrics"]}, key="live-metrics", live=live)
    with st.container():
        show_earlier_losses_of_curves({}, [run])
    ghost_switch([run])
    live_charts(run, feed, live)
    show_tensorboard_files(run)


def _feed(run: Run) -> tuple[RunFeed, Live | None]:
    """The run's feed, read just now, and where the browser hears of it while the run is active."""
    published = shows_published([run])
    feed = hub().run_feed(run.id, published=published)
    feed.refresh()
    if not run.state.active:
        return feed, None
    return feed, Live(f"{run.id}?published=1" if published else run.id, run_mark(run))
