"""The sidebar's word on the current run, on every page."""

import streamlit as st

from cifarviz.live.feeds import CURRENT, STATUS, status_mark
from cifarviz.live.items import status_item
from cifarviz.ui import cache
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.navigation import link_to


def run_status() -> None:
    """Name, epoch, progress and best epoch of the run at work, and how many wait."""
    active = cache.store().active()
    if any(run.orphaned for run in active):
        cache.adopt_orphans()
        active = cache.store().active()
    with st.container(border=bool(active), key="run-status"):
        live = Live(STATUS, status_mark(active))
        live_items({CURRENT: status_item(active)}, key="status", live=live)
        if active:
            link_to("train", "Watch", view="watch", run=active[0].id)
