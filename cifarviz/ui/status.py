"""The sidebar's word on the current run, on every page."""

import streamlit as st

from cifarviz.live.feeds import CURRENT, STATUS, status_mark
from cifarviz.live.items import status_item
from cifarviz.ui import cache
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.navigation import PAGES, link_to, open_here
from cifarviz.ui.state import query_memory
from cifarviz.ui.unbroken import unbroken


def run_status() -> None:
    """Name, epoch, progress and best epoch of the run at work, and how many wait."""
    active = cache.store().active()
    if any(run.orphaned for run in active):
        cache.adopt_orphans()
        active = cache.store().active()
    with st.container(border=bool(active), key="run-status"):
        live = Live(STATUS, status_mark(active))
        live_items({CURRENT: status_item(active)}, key="status", live=live, reports_break=True)
        if active:
            _watch_link(active[0].id)


def _watch_link(run_id: str) -> None:
    address = {"view": "watch", "run": run_id}
    if query_memory().page != "train":
        link_to("train", "Watch", **address)
        return
    # A link within the page may be taken for an address that was replaced just now.
    st.button(
        "Watch",
        key="watch-run",
        type="tertiary",
        icon=PAGES["train"].icon,
        on_click=unbroken(open_here),
        args=("train",),
        kwargs=address,
    )
