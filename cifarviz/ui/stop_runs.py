"""Stopping several runs with one press."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.ui import cache
from cifarviz.ui.address import escaped


def stop_runs(run_ids: Sequence[str]) -> None:
    """Ask those of the runs that are still active to stop; for a callback."""
    try:
        cache.store().stop_all(run_ids)
    except CifarvizError as error:
        st.toast(escaped(str(error)), icon=":material/error:")
