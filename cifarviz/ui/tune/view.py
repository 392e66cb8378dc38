"""The Tune page: its views and the switch between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from cifarviz.people.person import may_make
from cifarviz.ui.navigation import ViewEntry, render_title_and_views
from cifarviz.ui.query import current_query_params
from cifarviz.ui.tune.from_runs import render_from_runs
from cifarviz.ui.tune.studies import render_studies

TuneView = Literal["studies", "runs"]


@dataclass(frozen=True)
class _View:
    """A view's entry in the switch, and the function that shows it."""

    entry: ViewEntry
    render: Callable[[], None]


_VIEWS: Mapping[TuneView, _View] = {
    "studies": _View(ViewEntry("Studies", "experiment"), render_studies),
    "runs": _View(ViewEntry("From runs", "list_alt"), render_from_runs),
}
# Query parameters that mean another thing in each view, or belong to one.
_VIEW_PARAMS = (
    "runs",
    "goal",
    "chart",
    "x",
    "y",
    "study",
    "vary",
    "sampler",
    "pruner",
    "trials",
    "minutes",
    "within",
    "atonce",
    "preset",
    "changes",
)


def choose_view() -> TuneView:
    """Show title and switch, and return the view of the address, or the one for what it names.

    Viewers see no studies.
    """
    if not may_make():
        st.title("Tune")
        return "runs"
    return render_title_and_views(
        "Tune",
        {name: view.entry for name, view in _VIEWS.items()},
        key="tune-view",
        problem=lambda word: (
            f"Tune has no view {word}, so the first is shown. Choose from {', '.join(_VIEWS)}."
        ),
        forget=_VIEW_PARAMS,
        usual="runs" if "runs" in current_query_params() else None,
    )


def render_tune(view: TuneView) -> None:
    """Show a view."""
    _VIEWS[view].render()
