"""What the components that show something live have in common."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Live:
    """What a component watches while the page is not run.

    ``feed`` is the name of a feed (cifarviz/live), with ``?published=1`` for a run's charts with
    the published curves. ``mark`` is the feed's as the page was drawn: the page is run again when
    the feed has another.
    """

    feed: str
    mark: str

    def values(self) -> dict[str, Any]:
        """Return it as its component's script gets it."""
        return {"feed": self.feed, "mark": self.mark}


@cache
def live_script() -> str:
    """Return the script that a live component's own is put after."""
    return (Path(__file__).parent / "live.js").read_text("utf-8")
