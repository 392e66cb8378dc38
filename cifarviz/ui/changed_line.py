"""What was changed against a preset, in a line, with what can be done about it beside it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from cifarviz.experiment.changes import ExperimentChange
from cifarviz.ui.address import escaped


@contextmanager
def render_changes(made: Sequence[ExperimentChange]) -> Iterator[None]:
    """Show the changes; what the block makes stands in the same line."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        said = escaped(" · ".join(change.text for change in made))
        st.markdown(f":small[**Changes from the preset:** {said}]", width="content")
        yield
