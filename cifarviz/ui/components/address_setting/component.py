"""The Python half: what a setting is, to the browser."""

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def address_setting(name: str, value: str | None, given: str | None) -> None:
    """Have the browser put a setting into the address, or take it out where ``value`` is None.

    ``given``: what this run of the page found there. Nothing is added to the browser's history:
    a setting is no place that Back could lead to. The page runs once more if the address changes.
    """
    data = {"name": name, "value": value, "given": given}
    _component()(key=f"address-setting-{name}", data=data, height=0)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.address_setting", js=(_HERE / "address_setting.js").read_text("utf-8")
    )
