"""Callbacks of widgets that act whole, however fast the presses come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from cifarviz.ui import state


def unbroken(callback: Callable[..., None]) -> Callable[..., None]:
    """Give the callback as one that a newer press cannot break off; give widgets this one.

    Streamlit ends a run of the script for a newer press wherever the script touches the session
    state or the address, in a callback too: what the callback had yet to do would be lost.
    One whose widget has left the page before its press arrives does nothing: a player's step may
    come when another page, or another view of this one, is there already.
    """

    @wraps(callback)
    def whole(*args: Any, **kwargs: Any) -> None:
        with _uninterrupted(), suppress(state.WidgetGone):
            callback(*args, **kwargs)

    return whole


@contextmanager
def _uninterrupted() -> Iterator[None]:
    # Streamlit has no public way to ask for this (its own note wants callbacks rewritten); the
    # newer press waits in its queue, and is looked for as soon as the callbacks have run.
    # tests/browser/test_unbroken.py sees when a release of Streamlit knows this flag no more.
    enqueue = getattr(get_script_run_ctx(), "_enqueue", None)
    runner: Any = getattr(enqueue, "__self__", None)
    if not getattr(runner, "_execing", False):
        yield
        return
    runner._execing = False
    try:
        yield
    finally:
        runner._execing = True
