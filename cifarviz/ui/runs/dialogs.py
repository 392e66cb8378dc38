"""Dialogs of the Runs page."""

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

Arguments = ParamSpec("Arguments")


def open_dialog(
    title: str,
    content: Callable[Arguments, None],
    *args: Arguments.args,
    **more: Arguments.kwargs,
) -> None:
    """Open a dialog in front of the page; when it is dismissed, the page runs again.

    A run of the page would close it, with what was typed: while it is open, components/live.js
    asks for none.
    """

    def render() -> None:
        with st.container(key="open-dialog"):
            content(*args, **more)

    st.dialog(title, width="medium", on_dismiss="rerun")(render)()
