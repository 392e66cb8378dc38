"""Dialogs of the Runs page, opened beside its fragment and not within it.

The page's fragment runs again by a timer. When that interrupts a run of it whose messages have not
been sent yet, Streamlit drops the fragment's own messages and keeps those of a dialog within it,
which is a fragment, too: the browser gets the dialog without what it stands in, and goes white.
"""

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from cifarviz.ui import state

Arguments = ParamSpec("Arguments")
_PENDING = "runs-dialog"


def open_dialog(
    title: str,
    content: Callable[Arguments, None],
    *args: Arguments.args,
    **more: Arguments.kwargs,
) -> None:
    """Run the whole page again, with this dialog in front of it."""
    state.put(_PENDING, (title, lambda: content(*args, **more)))
    st.rerun()


def show_dialog() -> None:
    """Show the dialog that ``open_dialog`` has asked for; call it beside the fragment."""
    pending = state.take(_PENDING)
    if pending is None:
        return
    title, content = pending
    st.dialog(title, width="medium")(content)()
