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
        row = st.columns(3)
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
        row = st.columns(3)
        megabytes = row[0].number_input(
            "Megabytes on the disk",
            10,
            10**6,
            limits.megabytes,
            step=100,
            help="Of all runs and imported data sets of one person.",
        )
        uploads = row[1].number_input(
            "Uploads a minute",
            1,
            10_000,
            limits.uploads,
            help="Files that one person uploads within a minute.",
        )
        upload_megabytes = row[2].number_input(
            "Megabytes a minute",
            1,
            10_000,
            limits.upload_megabytes,
            step=100,
            help="Of uploads of one person within a minute. A single file may be larger.",
        )
        if st.form_submit_button("Save", icon=":material/check:"):
            with render_errors():
                chosen = waiting, presentations, minutes, megabytes, uploads, upload_megabytes
                save_limits(store, Limits(*chosen))
                st.toast("Saved.", icon=":material/check:")
