"""Train's two views, Setup and Watch; the address holds which one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import streamlit as st

from cifarviz.ui.query import update_query_params
from cifarviz.ui.view_switch import ViewEntry, title_and_switch

View = Literal["setup", "watch"]

_VIEWS: Mapping[View, ViewEntry] = MappingProxyType(
    {"setup": ViewEntry("Set up", "tune"), "watch": ViewEntry("Watch", "monitoring")}
)
# What only one of the views understands.
_OF_ONE_VIEW = ("preset", "changes", "part", "run", "ghost")


def choose_view() -> View:
    """Show title and switch, and return the view of the address: Setup where it names none."""
    view = title_and_switch(
        "Train",
        _VIEWS,
        key="train-view",
        problem=lambda word: f"Train has no view {word}: this is the one to set training up.",
        forget=_OF_ONE_VIEW,
    )
    if st.query_params.get("view", view) != view:
        update_query_params(view=view)
    return view
