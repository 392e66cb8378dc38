"""The views of a page: its title, and beside it the switch between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from cifarviz.ui.unbroken import unbroken


@dataclass(frozen=True)
class ViewEntry:
    """A view as the switch shows it; ``icon`` is the name of a Material symbol."""

    title: str
    icon: str


def title_and_switch(
    title: str, views: Mapping[str, ViewEntry], *, key: str, on_change: Callable[[], None]
) -> None:
    """Show both in a row; the widget ``key`` has its value already, and holds the view."""
    with st.container(horizontal=True, vertical_alignment="center", gap="large"):
        st.title(title, width="content")
        st.segmented_control(
            "View",
            tuple(views),
            format_func=lambda name: f":material/{views[name].icon}: {views[name].title}",
            key=key,
            required=True,
            on_change=unbroken(on_change),
            label_visibility="collapsed",
        )
