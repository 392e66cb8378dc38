"""The Python half: the address that a page has begun with."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def page_history(page: str, sent: Mapping[str, str], address: Mapping[str, str]) -> None:
    """Have the browser change a page's address in place, and add an entry for each other page.

    Streamlit would add one for each change. ``address`` takes the place of ``sent``, by which the
    browser has asked for ``page``: it comes this way while a page is entered, since what Streamlit
    sends may reach the browser before it has left the entry of the page before.
    """
    data = {"page": page, "sent": dict(sent), "address": dict(address)}
    _component()(key="page-history", data=data, height=0)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.page_history", js=(_HERE / "page_history.js").read_text("utf-8")
    )
