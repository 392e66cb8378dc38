"""What goes wrong, shown as one sentence in its place."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.ui.address import escaped


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an error raised on purpose as its sentence; what comes after on the page goes on."""
    try:
        yield
    except CifarvizError as error:
        st.error(escaped(str(error)), icon=":material/error:")
