"""Hiding the run that comes with cifarviz, and bringing it back."""

import streamlit as st

from cifarviz.runs.recorded import bring_back, hide, is_hidden
from cifarviz.ui import cache
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.query import update_query_params


def hide_button() -> None:
    """A button that takes the recorded run off this home's lists."""
    if st.button(
        "Hide",
        icon=":material/visibility_off:",
        key="hide-recorded",
        help="Take the recorded run off all lists. It comes with cifarviz, so it can be brought "
        "back at any time.",
    ):
        with errors_shown():
            hide(cache.store())
            update_query_params(runs=None)
            st.rerun()


def bring_back_button() -> None:
    """A button that brings the recorded run back, where it is hidden."""
    if not is_hidden(cache.store()):
        return
    if st.button(
        "Bring the recorded run back",
        icon=":material/movie:",
        key="bring-back-recorded",
        help="A real run that comes with cifarviz: 30 epochs on the full set, which end in "
        "overfitting.",
    ):
        with errors_shown(), st.spinner("Unpacking it …"):
            bring_back(cache.store())
            st.rerun()
