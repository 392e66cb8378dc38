"""Train's two views, Setup and Watch; the address holds which one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.followed_address import give_back, gone_back_on
from cifarviz.ui.view_switch import ViewEntry, title_and_switch

View = Literal["setup", "watch"]

_VIEWS: Mapping[str, ViewEntry] = MappingProxyType(
    {"setup": ViewEntry("Set up", "tune"), "watch": ViewEntry("Watch", "monitoring")}
)
_KEY = "train-view"
# What only one of the views understands.
_OWN: Mapping[View, tuple[str, ...]] = MappingProxyType(
    {"setup": ("preset", "changes", "part"), "watch": ("run", "ghost")}
)


def choose_view() -> View:
    """Show title and switch, and return the view of the address: Setup where it names none."""
    wanted = st.query_params.get("view", "setup")
    view: View = "watch" if wanted == "watch" else "setup"
    give_back(_KEY, view)
    title_and_switch("Train", _VIEWS, key=_KEY, on_change=_switch)
    if wanted not in _VIEWS:
        st.error(
            f"Train has no view {quoted(wanted)}: this is the one to set training up.",
            icon=":material/error:",
        )
        st.query_params["view"] = view
    return view


def _switch() -> None:
    if gone_back_on(_KEY):
        return
    view: View = state.get(_KEY)
    others = [name for key, names in _OWN.items() if key != view for name in names]
    kept = {k: v for k, v in st.query_params.to_dict().items() if k not in others}
    st.query_params.from_dict({**kept, "view": view})
