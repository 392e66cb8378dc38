"""What live components have in common."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Live:
    """What a component watches between runs of the page's script.

    ``feed`` is the name of a feed (cifarviz/live), with ``?published=1`` for a run's charts with
    published curves. ``mark`` is the feed's when the page was drawn: when it
    changes, the page reruns.
    """

    feed: str
    mark: str

    def values(self) -> dict[str, Any]:
        """Return the values for the component's script."""
        return {"feed": self.feed, "mark": self.mark}
