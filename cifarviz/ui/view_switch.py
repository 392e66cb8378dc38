"""The views of a page: its title, and beside it the switch between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from cifarviz.ui.query import render_choice

View = TypeVar("View", bound=str)


@dataclass(frozen=True)
class ViewEntry:
    """A view as the switch shows it; ``icon`` is the name of a Material symbol."""

    title: str
    icon: str


def title_and_switch(
    title: str,
    views: Mapping[View, ViewEntry],
    *,
    key: str,
    problem: Callable[[str], str],
    forget: Sequence[str],
) -> View:
    """Show both in a row and return the view that the address holds as ``view``, else the first.

    ``problem`` and ``forget`` are those of ``render_choice``.
    """
    row = st.container(horizontal=True, vertical_alignment="center", gap="large")
    row.title(title, width="content")
    return render_choice(
        "view",
        "View",
        {name: f":material/{view.icon}: {view.title}" for name, view in views.items()},
        key=key,
        hint=None,
        problem=problem,
        forget=forget,
        label_visibility="collapsed",
        place=row,
    )
