"""Moves what is in sight, and the focus."""

from collections.abc import Sequence

from cifarviz.ui.components.loading import component


def scroll_here(names: Sequence[str], *, key: str) -> None:
    """Scroll to this place if any of ``names`` is new since the last run of the script."""
    component("scroll_here")(key=key, data=list(names), height=1)


def lesson_focus(step: str, label: str, *, key: str) -> None:
    """Show the page from its top and focus the lesson's bar if ``step`` is another than before.

    Screen readers call the bar ``label``.
    """
    component("lesson_focus")(key=key, data={"label": label, "step": step}, height=1)
