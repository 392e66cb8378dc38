"""What goes wrong, shown as one sentence in its place."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cifarviz.errors import CifarvizError


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an error raised on purpose as its sentence; what comes after on the page goes on."""
    try:
        yield
    except CifarvizError as error:
        st.error(as_text(str(error)), icon=":material/error:")


def as_text(message: str) -> str:
    """A message for Markdown in which names and files stand as they are: no links, no formulas."""
    return re.sub(r"([\[\]<`$])", r"\\\1", message)
