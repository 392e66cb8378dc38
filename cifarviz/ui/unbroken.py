"""Callbacks of widgets that act whole, however fast the presses come."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from cifarviz.ui import state
from cifarviz.ui.streamlit_patches import uninterruptible


def unbroken(callback: Callable[..., None]) -> Callable[..., None]:
    """Give the callback as one that a newer press cannot break off; give widgets this one.

    Streamlit ends a run of the script for a newer press wherever the script touches the session
    state or the address, in a callback too: what the callback had yet to do would be lost.
    One whose widget has left the page before its press arrives does nothing: a player's step may
    come when another page, or another view of this one, is there already.
    """

    @wraps(callback)
    def whole(*args: Any, **kwargs: Any) -> None:
        with uninterruptible(), suppress(state.WidgetGone):
            callback(*args, **kwargs)

    return whole
