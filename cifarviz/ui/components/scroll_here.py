"""Scrolls to a place on the page."""

from collections.abc import Sequence

from cifarviz.ui.components.loading import component


def scroll_here(names: Sequence[str], *, key: str) -> None:
    """Scroll to this place if any of ``names`` is new since the last run of the script."""
    component("scroll_here")(key=key, data=list(names), height=1)
