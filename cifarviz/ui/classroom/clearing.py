"""A button that clears what a class left behind."""

import streamlit as st

from cifarviz.runs.clearing import clear_class, left_behind
from cifarviz.ui import cache
from cifarviz.ui.errors import render_errors
from cifarviz.ui.runs.fork import open_dialog


def render_clearing() -> None:
    """Show the button; it asks before it deletes."""
    if st.button(
        "Clear the class",
        icon=":material/cleaning_services:",
        key="clear-class",
        help="Deletes the people and all that they made. Your own runs stay.",
    ):
        open_dialog("Clear the class?", _render_form)


def _render_form() -> None:
    store = cache.store()
    found = left_behind(store)
    st.markdown(
        f"{found.people} people, {found.runs} runs and {found.datasets} data sets of theirs, "
        f"{found.size / 1e6:,.0f} MB. Your own runs stay, and the code of the class changes."
    )
    st.markdown("This cannot be undone.")
    row = st.container(horizontal=True)
    if row.button("Cancel", icon=":material/undo:"):
        st.rerun()
    if row.button("Delete permanently", type="primary", icon=":material/delete:"):
        with render_errors():
            clear_class(store)
            st.rerun()
