"""Two buttons whose callbacks take a while before they count the press."""

import time

import streamlit as st

from cifarviz.ui.unbroken import unbroken

SECONDS = 0.4


def count(name: str) -> None:
    """Count a press of the button."""
    time.sleep(SECONDS)
    st.session_state[name] = st.session_state.get(name, 0) + 1
    # The way out of the callback looks at the session state once more.
    st.session_state["last"] = name


for button in ("first", "second"):
    st.button(button, on_click=unbroken(count), args=(button,))
counts = ", ".join(f"{name} {st.session_state.get(name, 0)}" for name in ("first", "second"))
st.write(f"{counts}, last {st.session_state.get('last')}")
