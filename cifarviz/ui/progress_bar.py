"""Progress of work that a page's script does itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from cifarviz.runs.run_headline import format_time_left

# Seconds between two updates, and until the time left is shown.
_INTERVAL, _FIRST = 0.2, 1.0


@contextmanager
def render_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the ``with`` block works: what is done, how far it is, the time left.

    The block calls the function it is given with the work done so far and all of it.
    """
    bar = st.progress(0.0, f"{what} …")
    began = shown = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < _INTERVAL:
            return
        shown = now
        share = min(done / max(total, 1), 1.0)
        bar.progress(share, format_share_done(what, share, now - began))

    try:
        yield report
    finally:
        bar.empty()


def format_share_done(what: str, share: float, seconds: float) -> str:
    """Return ``Unpacking: 40%, about 3 s left`` for a share done in so many seconds."""
    text = f"{what}: {share:.0%}"
    if seconds < _FIRST or not share:
        return text
    return f"{text}, {format_time_left(seconds / share * (1 - share))}"
