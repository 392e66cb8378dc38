"""The Python half: names of what stands here, to the browser."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def scroll_here(names: Sequence[str], *, key: str) -> None:
    """Scroll to this place when one of ``names`` was not among those of before, or none were."""
    _component()(key=key, data=list(names), height=1)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.scroll_here", js=(_HERE / "scroll_here.js").read_text("utf-8")
    )
