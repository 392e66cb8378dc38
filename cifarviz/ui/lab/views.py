"""The lab's four experiments as views; the address holds which one."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.experiment.lab.entrants import KINDS, Kind
from cifarviz.ui.view_switch import ViewEntry, title_and_switch

_ICONS: Mapping[Kind, str] = MappingProxyType(
    {
        "duel": "swords",
        "memorisation": "psychology",
        "sizes": "stacked_line_chart",
        "cures": "healing",
    }
)
_VIEWS: Mapping[Kind, ViewEntry] = MappingProxyType(
    {kind: ViewEntry(title, _ICONS[kind]) for kind, title in KINDS.items()}
)
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
    return title_and_switch(
        "Overfit lab",
        _VIEWS,
        key="lab-view",
        problem=lambda word: (
            f"The lab has no view {word}: this is the duel. There are: {', '.join(KINDS)}."
        ),
        forget=OF_ONE_VIEW,
    )
