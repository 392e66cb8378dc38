"""A button that changes the mark of a feed, on a page that shows an older mark."""

from types import SimpleNamespace

import streamlit as st

from cifarviz.live import server
from cifarviz.live.hub import hub
from cifarviz.ui import streamlit_patches
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items


@st.cache_resource(show_spinner=False)
def feed() -> SimpleNamespace:
    return SimpleNamespace(mark="before")


def change_mark() -> None:
    feed().mark = "after"


def draw_page() -> None:
    shown = feed().mark
    hub().register("marked", lambda: {"mark": feed().mark})
    live_items({}, key="watch", live=Live("marked", shown))
    # Read by the script, not by a callback: a run that comes too early would lose the press.
    if st.button("Change the mark"):
        change_mark()
    st.write(f"mark {shown}")


if streamlit_patches.is_page_run():
    draw_page()
else:
    app = st.App(__file__, routes=server.routes(""))
