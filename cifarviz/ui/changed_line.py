"""The changes from a preset, as a line with buttons."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from cifarviz.experiment.changes import ExperimentChange
from cifarviz.ui.address import escaped


@contextmanager
def render_changes(made: Sequence[ExperimentChange]) -> Iterator[None]:
    """Show the changes; elements of the ``with`` block follow in the same line."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        text = escaped(" · ".join(change.text for change in made))
        st.markdown(f":small[**Changes from the preset:** {text}]", width="content")
        yield
