"""What each student of a class may use, as the teacher sets it."""

import streamlit as st

from cifarviz.runs.limit_values import Limits
from cifarviz.runs.limits import load_limits, save_limits
from cifarviz.ui import cache
from cifarviz.ui.errors import render_errors


def render_limits() -> None:
    """Show the limits in a form."""
    store = cache.store()
    limits = load_limits(store)
    with st.expander("What each may use", icon=":material/speed:"), st.form("class-limits"):
        row = st.columns(4)
        waiting = row[0].number_input(
            "Runs in the queue",
            1,
            100,
            limits.waiting,
            help="Of one person, besides the one that trains. People take turns in any case.",
        )
        presentations = row[1].number_input(
            "Images of a run",
            1000,
            10**9,
            limits.presentations,
            step=100_000,
            help="Training images × epochs.",
        )
        minutes = row[2].number_input(
            "Minutes of a run",
            1,
            10_000,
            limits.minutes,
            help="A run that has trained longer is stopped after its epoch, with its weights.",
        )
        megabytes = row[3].number_input(
            "Megabytes on the disk",
            10,
            10**6,
            limits.megabytes,
            step=100,
            help="Of all runs and imported data sets of one person.",
        )
        if st.form_submit_button("Save", icon=":material/check:"):
            with render_errors():
                save_limits(store, Limits(waiting, presentations, minutes, megabytes))
                st.toast("Saved.", icon=":material/check:")
