"""The Python half: the values that the address lacks, to the browser."""

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def own_choices(**values: str) -> None:
    """Have the browser put ``values`` into the address where it has none of that name.

    Streamlit would make a new entry in the browser's history of it, and Back would only lead to
    the page that makes it again. The page runs once more then, with the address complete.
    """
    _component()(key="own-choices", data=values, height=0)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.own_choices", js=(_HERE / "own_choices.js").read_text("utf-8")
    )
