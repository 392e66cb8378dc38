"""Items that the browser updates from a feed."""

import json
from collections.abc import Callable, Mapping

from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.loading import component, ignore


def live_items(
    items: Mapping[str, Item],
    *,
    key: str,
    live: Live | None = None,
    alone: bool = False,
    reports_break: bool = False,
) -> None:
    """Show ``items``, by their names in the feed's messages, below each other.

    The browser updates each item from the feed ``live``; an item that the feed drops keeps its last
    state. With ``alone`` exactly the feed's items are shown. With ``reports_break`` the browser
    shows when the feed cannot be reached.
    """
    data = {
        "items": {name: item.values() for name, item in items.items()},
        "live": None if live is None else live.values(),
        "alone": alone,
        "reportsBreak": reports_break,
    }
    component("live_items", html='<div class="live-items"></div>', shared=("live",))(
        key=key,
        data=json.dumps(data, separators=(",", ":")).encode(),
        on_rerun_change=ignore,
    )


def rerun_on_change(name: str, mark: Callable[[], str], *, key: str) -> None:
    """Rerun the page when the result of ``mark`` changes.

    ``mark`` is called repeatedly, outside of any script, while a browser watches; ``name`` is the
    name of its feed.
    """
    hub().register(name, lambda: {"mark": mark()})
    live_items({}, key=key, live=Live(name, mark()))
