"""Evaluate's two views, One network and Ensemble; the address holds which one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.followed_address import change, show, wished
from cifarviz.ui.view_switch import ViewEntry, title_and_switch

View = Literal["network", "ensemble"]

_VIEWS: Mapping[str, ViewEntry] = MappingProxyType(
    {
        "network": ViewEntry("One network", "grid_on"),
        "ensemble": ViewEntry("Ensemble", "how_to_vote"),
    }
)
_KEY = "evaluate-view"
# What in the address means one thing in one view and another, or none, in the other.
_OF_ONE_VIEW = ("image", "page")


def choose_view() -> View:
    """Show title and switch, and return the view of the address: one network if it names none."""
    wanted = st.query_params.get("view", "network")
    view: View = "ensemble" if wanted == "ensemble" else "network"
    show(_KEY, view)
    title_and_switch("Evaluate", _VIEWS, key=_KEY, on_change=_switch)
    if wanted not in _VIEWS:
        st.error(
            f"Evaluate has no view {quoted(wanted)}: this is the one of a single network.",
            icon=":material/error:",
        )
    return view


def _switch() -> None:
    if wished(_KEY):
        change(**dict.fromkeys(_OF_ONE_VIEW), view=state.get(_KEY))
