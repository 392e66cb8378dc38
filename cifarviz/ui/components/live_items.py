"""The Python half: the items as they stand, and where to hear of them anew."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.ui.components.live import Live, live_script

_HERE = Path(__file__).parent


def live_items(
    items: Mapping[str, Item],
    *,
    key: str,
    live: Live | None = None,
    alone: bool = False,
    reports_break: bool = False,
) -> None:
    """Show ``items``, by their names in the feed's messages, below each other.

    The browser shows each of them as the feed has it, and what the feed no longer has as it was.
    With ``alone`` only those that the feed has are shown, all of them. Without ``live`` they stay
    as they are. With ``reports_break`` the browser says so when the feed does not get through.
    """
    data = {
        "items": {name: item.values() for name, item in items.items()},
        "live": None if live is None else live.values(),
        "alone": alone,
        "reportsBreak": reports_break,
    }
    _component()(
        key=key,
        data=json.dumps(data, separators=(",", ":")).encode(),
        on_rerun_change=_ignore,
    )


def rerun_on_change(name: str, mark: Callable[[], str], *, key: str) -> None:
    """Have the page run again once ``mark`` returns something else than now.

    It is called outside of any script, again and again while a browser is here; ``name`` is the
    feed's.
    """
    hub().register(name, lambda: {"mark": mark()})
    live_items({}, key=key, live=Live(name, mark()))


def _ignore() -> None:
    """A trigger needs a callback; that the page runs is all that is wanted."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.live_items",
        html='<div class="live-items"></div>',
        css=(_HERE / "live_items.css").read_text("utf-8"),
        js=live_script() + (_HERE / "live_items.js").read_text("utf-8"),
    )
