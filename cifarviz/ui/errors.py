"""Showing errors on a page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.server_paths import hide_home


@contextmanager
def render_errors() -> Iterator[None]:
    """Show a ``CifarvizError`` as a message; the rest of the page is drawn."""
    try:
        yield
    except CifarvizError as error:
        st.error(error_text(error), icon=":material/error:")


@contextmanager
def errors_as_toast() -> Iterator[None]:
    """Show a ``CifarvizError`` as a toast; for callbacks."""
    try:
        yield
    except CifarvizError as error:
        st.toast(error_text(error), icon=":material/info:")


def error_text(error: BaseException) -> str:
    """Return the message of an error as Markdown, or its class if it has none."""
    return escaped(hide_home(str(error) or type(error).__name__, cache.settings()))
