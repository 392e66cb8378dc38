"""The Python half: nothing but bringing the script to the browser."""

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def one_step_back() -> None:
    """Keep out of the browser's history what ``st.switch_page`` would leave there.

    On its way it puts the new page's values into the address of the old page: a place that never
    was, and Back would stop there. Call this once in each run of the app.
    """
    _component()(key="one-step-back", height=0)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.one_step_back", js=(_HERE / "one_step_back.js").read_text("utf-8")
    )
