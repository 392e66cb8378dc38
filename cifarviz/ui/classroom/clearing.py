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
    people = "1 person" if found.people == 1 else f"{found.people} people"
    runs = "1 run" if found.runs == 1 else f"{found.runs} runs"
    datasets = "1 data set" if found.datasets == 1 else f"{found.datasets} data sets"
    st.markdown(
        f"Stops what trains, and deletes {people}, {runs} and {datasets} of theirs, "
        f"{found.size / 1e6:,.0f} MB. Your own runs stay, and the code of the class changes."
    )
    st.markdown("This cannot be undone.")
    row = st.container(horizontal=True)
    if row.button("Cancel", icon=":material/undo:"):
        st.rerun()
    if row.button("Delete permanently", type="primary", icon=":material/delete:"):
        with render_errors(), st.spinner("Stopping what trains …"):
            clear_class(store)
            st.rerun()
