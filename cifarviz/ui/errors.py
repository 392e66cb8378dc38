"""Showing errors on a page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.ui.address import escaped


@contextmanager
def render_errors() -> Iterator[None]:
    """Show a ``CifarvizError`` as a message; the rest of the page is drawn."""
    try:
        yield
    except CifarvizError as error:
        st.error(escaped(str(error)), icon=":material/error:")


@contextmanager
def errors_as_toast() -> Iterator[None]:
    """Show a ``CifarvizError`` as a toast; for callbacks."""
    try:
        yield
    except CifarvizError as error:
        st.toast(escaped(str(error)), icon=":material/info:")
