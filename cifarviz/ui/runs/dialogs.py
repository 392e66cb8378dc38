"""Dialogs of the Runs page, opened beside its fragment and not within it.

The page's fragment runs again by a timer. When that interrupts a run of it whose messages have not
been sent yet, Streamlit drops the fragment's own messages and keeps those of a dialog within it,
which is a fragment, too: the browser gets the dialog without what it stands in, and goes white.
And a timer that fires while a dialog leads to another page makes the browser take that page for the
one before. So while a dialog is open there is no timer.
"""

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.navigation import go_to

Arguments = ParamSpec("Arguments")
_PENDING, _LEAVING = "runs-dialog", "runs-leaving"


def open_dialog(
    title: str,
    content: Callable[Arguments, None],
    *args: Arguments.args,
    **more: Arguments.kwargs,
) -> None:
    """Run the whole page again, with this dialog in front of it."""
    state.put(_PENDING, (title, lambda: content(*args, **more)))
    st.rerun()


def leave_for(page: str, **address: str) -> None:
    """Close the dialog, and then go to another page."""
    state.put(_LEAVING, (page, address))
    st.rerun()


def show_dialog() -> bool:
    """Show the dialog that ``open_dialog`` has asked for, and say whether there is one.

    Call it beside the fragment. When it is dismissed the whole page runs again.
    """
    leaving = state.take(_LEAVING)
    if leaving is not None:
        page, address = leaving
        go_to(page, **address)
    pending = state.take(_PENDING)
    if pending is None:
        return False
    title, content = pending
    st.dialog(title, width="medium", on_dismiss="rerun")(content)()
    return True
