"""Evaluate's two views, One network and Ensemble; the address holds which one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from cifarviz.ui.view_switch import ViewEntry, title_and_switch

View = Literal["network", "ensemble"]

_VIEWS: Mapping[View, ViewEntry] = MappingProxyType(
    {
        "network": ViewEntry("One network", "grid_on"),
        "ensemble": ViewEntry("Ensemble", "how_to_vote"),
    }
)
# What in the address means one thing in one view and another, or none, in the other.
_OF_ONE_VIEW = ("image", "page")


def choose_view() -> View:
    """Show title and switch, and return the view of the address: one network if it names none."""
    return title_and_switch(
        "Evaluate",
        _VIEWS,
        key="evaluate-view",
        problem=lambda word: f"Evaluate has no view {word}: this is the one of a single network.",
        forget=_OF_ONE_VIEW,
    )
