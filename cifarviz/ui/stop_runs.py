"""Stopping several runs with one press."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.runs.states import Action
from cifarviz.ui import cache
from cifarviz.ui.address import escaped


def stop_runs(run_ids: Sequence[str]) -> None:
    """Ask the runs to stop; for a callback, which says what is refused in passing."""
    # The last first: else the next one would begin when the one before it stops.
    for run_id in reversed(run_ids):
        try:
            cache.store().request(run_id, Action.STOP)
        except CifarvizError as error:
            # Above all that it has just ended by itself.
            st.toast(escaped(str(error)), icon=":material/info:")
