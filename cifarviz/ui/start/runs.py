"""The newest runs on the Start page, each with the way to it."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.live.feeds import ACTIVE, active_mark
from cifarviz.live.items import progress_item
from cifarviz.live.words import badge, waits_for
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import headline
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import distinct_names

_MOST = 4


def newest_runs(runs: Sequence[Run]) -> None:
    """List the newest of ``runs``, which are in that order, with a link to what can be seen."""
    # The badge says which is recorded.
    names = distinct_names(runs, marked=False)
    active = cache.store().active()
    live = Live(ACTIVE, active_mark(active))
    st.subheader("Newest runs")
    with st.container(border=True, key="newest-runs", gap="small"):
        for run in runs[:_MOST]:
            words, link = st.columns([5, 3], vertical_alignment="center")
            with words:
                if run.state.active and run.damage is None:
                    item = progress_item(run, waiting=waits_for(run, active))
                    live_items({run.id: item}, key=f"newest-{run.id}", live=live)
                else:
                    st.markdown(f"**{escaped(names[run.id])}**  \n{run_words(run)}")
            with link:
                _link(run)
    if len(runs) > _MOST:
        link_to("runs", f"All {len(runs):,} runs")


def run_words(run: Run) -> str:
    """Say in which state a run is, how many epochs it has, and how well its best one does."""
    if run.damage is not None:
        return f"{badge(run)} {escaped(run.damage)}"
    epochs = f"{run.epochs_done:,} epoch{'' if run.epochs_done == 1 else 's'}"
    words = f"{badge(run)} {epochs}"
    best = headline(run)
    return f"{words} · {best}" if best else words


def _link(run: Run) -> None:
    if run.damage is not None:
        link_to("runs", "Delete it in Runs", runs=run.id)
    elif run.state.active:
        link_to("train", "Watch it", view="watch", run=run.id)
    elif run.epochs_done:
        link_to("inside", "Look inside", run=run.id)
    else:
        link_to("runs", "See what happened", run=run.id)
