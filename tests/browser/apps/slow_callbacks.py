"""Two buttons whose callbacks count the press only when the next press has arrived."""

import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from cifarviz.ui.streamlit_patches import finish_callbacks

PRESSES = 4
finish_callbacks()


def has_newer_press() -> bool:
    """Whether Streamlit holds a press that came after the one whose callback this is."""
    context = get_script_run_ctx()
    requests = None if context is None else context.script_requests
    return requests is not None and requests._state is not ScriptRequestType.CONTINUE


def counted() -> int:
    """How many presses have been counted, of both buttons."""
    return sum(st.session_state.get(name, 0) for name in ("first", "second"))


def count(name: str) -> None:
    """Count a press: any but the last waits for the one after it, the last for those before."""
    # Counted at once: the callback of the next press may begin before this one ends.
    number = st.session_state["presses"] = st.session_state.get("presses", 0) + 1
    st.sidebar.write(f"press {number} is at work")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if has_newer_press() if number < PRESSES else counted() == PRESSES - 1:
            break
        time.sleep(0.01)
    st.session_state[name] = st.session_state.get(name, 0) + 1
    # The way out of the callback looks at the session state once more.
    st.session_state["last"] = name


for button in ("first", "second"):
    st.button(button, on_click=count, args=(button,))
counts = ", ".join(f"{name} {st.session_state.get(name, 0)}" for name in ("first", "second"))
st.write(f"{counts}, last {st.session_state.get('last')}")
