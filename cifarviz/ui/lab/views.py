"""The lab's four experiments as views; the address holds which one."""

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from cifarviz.experiment.lab.entrants import KINDS, Kind
from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.followed_address import change, show, wished
from cifarviz.ui.view_switch import ViewEntry, title_and_switch

_ICONS: Mapping[Kind, str] = MappingProxyType(
    {
        "duel": "swords",
        "memorisation": "psychology",
        "sizes": "stacked_line_chart",
        "cures": "healing",
    }
)
_VIEWS: Mapping[str, ViewEntry] = MappingProxyType(
    {kind: ViewEntry(title, _ICONS[kind]) for kind, title in KINDS.items()}
)
_KEY = "lab-view"
# What in the address means something in one view only, or another thing in each.
OF_ONE_VIEW = (
    "series",
    "thing",
    "values",
    "percent",
    "images",
    "epochs",
    "gallery",
    "picture",
)


def choose_view() -> Kind:
    """Show title and switch, and return the view of the address: the duel if it names none."""
    wanted = st.query_params.get("view", "duel")
    view: Kind = next((kind for kind in KINDS if kind == wanted), "duel")
    show(_KEY, view)
    title_and_switch("Overfit lab", _VIEWS, key=_KEY, on_change=_switch)
    if wanted not in KINDS:
        st.error(
            f"The lab has no view {quoted(wanted)}: this is the duel. There are: "
            f"{', '.join(KINDS)}.",
            icon=":material/error:",
        )
    return view


def _switch() -> None:
    if wished(_KEY):
        change(**dict.fromkeys(OF_ONE_VIEW), view=state.get(_KEY))
