"""Reads the store once per process for all browsers that watch."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextvars import Context
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from cifarviz.errors import RunNotFound
from cifarviz.live.feeds import (
    ACTIVE,
    NOT_BEGUN,
    STATUS,
    ActiveFeed,
    ActiveRuns,
    Feed,
    PageFeed,
    RunFeed,
    StatusFeed,
)
from cifarviz.people.person import (
    TEACHER,
    Person,
    acting_as,
    current_person,
    for_current_person,
    may_change,
)
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

_LOG = logging.getLogger(__name__)

# Whoever sees a run that is shown, and is not its owner.
_OTHERS = Person("others", "Others", "viewer")
INTERVAL: Final = 0.25
"""Seconds between two refreshes, and at least between two messages to a browser."""
MOST_SOCKETS: Final = 512
_MOST_PAGE_FEEDS = 1024
# Seconds per browser, because a rerun of a page takes up to half a second of a core.
_SPREAD_PER_SOCKET = 0.15
_LONGEST_SPREAD = 5.0
_ACTIVE_FEEDS: Mapping[str, type[ActiveFeed]] = MappingProxyType(
    {STATUS: StatusFeed, ACTIVE: ActiveFeed}
)


class _Channel:
    """A feed and its watchers. Everything but ``feed`` belongs to the event loop."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.watchers = 0
        self.version = 0
        self.gone = False
        self.due = 0.0
        self.failing = False
        self.texts: dict[str, asyncio.Future[tuple[str, str]]] = {}
        self.changed = asyncio.Event()

    def announce(self) -> None:
        self.version += 1
        self.texts.clear()
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """All feeds of this process; pages register theirs, sockets stream them."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._active = ActiveRuns(store, max_age=INTERVAL)
        self._lock = threading.Lock()
        # By name, and whose page registered it: each gets what this person sees.
        self._page_feeds: dict[tuple[str, str], PageFeed] = {}
        self._run_feeds: dict[tuple[str, bool, str], RunFeed] = {}
        self._channels: dict[str, _Channel] = {}
        self._reader: asyncio.Task[None] | None = None
        self._sockets = 0

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of sockets is open."""
        return self._sockets >= MOST_SOCKETS

    def register(self, name: str, compute: Callable[[], Mapping[str, Any]]) -> PageFeed:
        """Register ``compute`` as the current person's feed ``name``, replacing an earlier one.

        It is called as this person.

        Names must differ from run ids, which are eight hexadecimal digits.
        """
        key = name, current_person().id
        compute = for_current_person(compute)
        with self._lock:
            feed = self._page_feeds.pop(key, None)
            if feed is None:
                feed = PageFeed(compute)
            feed.compute = compute
            self._page_feeds[key] = feed
            while len(self._page_feeds) > _MOST_PAGE_FEEDS:
                del self._page_feeds[next(iter(self._page_feeds))]
            return feed

    def run_feed(self, run_id: str, *, published: bool = False) -> RunFeed:
        """Return the feed of a run; raises ``RunNotFound``.

        One for its owner, one for the teacher, and one for all others who see it.
        """
        run = self._store.get(run_id)
        person = current_person() if may_change(run.owner) else _OTHERS
        key = run_id, published, person.id
        with self._lock:
            feed = self._run_feeds.pop(key, None)
            if feed is None:
                feed = RunFeed(
                    self._store, run_id, self._active, published=published, person=person
                )
            self._run_feeds[key] = feed
            while len(self._run_feeds) > _MOST_PAGE_FEEDS:
                del self._run_feeds[next(iter(self._run_feeds))]
            return feed

    def find(self, name: str, *, published: bool = False) -> Feed:
        """Return the feed of a name: a page's, ``"status"``, ``"active"`` or a run's id.

        Raises ``RunNotFound`` for any other, and for one that the current person may not watch.
        """
        person = current_person()
        if name in _ACTIVE_FEEDS:
            return _ACTIVE_FEEDS[name](self._active, person)
        with self._lock:
            page_feed = self._page_feeds.get((name, person.id))
        if page_feed is not None:
            return page_feed
        return self.run_feed(name, published=published)

    async def stream(
        self, name: str, *, position: str = NOT_BEGUN, published: bool = False
    ) -> AsyncGenerator[str]:
        """Yield the messages of a feed as JSON, from ``position`` on.

        Ends when the feed does. Raises ``RunNotFound``, and what reading the feed raises.
        """
        feed = await asyncio.to_thread(self.find, name, published=published)
        own = feed.person.id if isinstance(feed, RunFeed) else current_person().id
        key = f"{name} {published} {own}"
        channel = self._channels.get(key)
        if channel is None:
            await asyncio.to_thread(feed.refresh)
            channel = self._channels.setdefault(key, _Channel(feed))
        channel.watchers += 1
        self._sockets += 1
        if self._reader is None or self._reader.done():
            # For all, not for whoever came first.
            self._reader = asyncio.create_task(self._read(), context=Context())
        version = -1
        try:
            while not channel.gone:
                if version == channel.version:
                    await channel.changed.wait()
                    continue
                version = channel.version
                text, position = await self._text(channel, position)
                yield text
                await asyncio.sleep(INTERVAL)
        finally:
            self._sockets -= 1
            channel.watchers -= 1
            if channel.watchers == 0 and self._channels.get(key) is channel:
                del self._channels[key]

    async def _text(self, channel: _Channel, position: str) -> tuple[str, str]:
        # Watchers are nearly all at the same position, so messages are shared.
        if position not in channel.texts:
            made = asyncio.to_thread(self._encode, channel.feed, position)
            channel.texts[position] = asyncio.ensure_future(made)
        return await asyncio.shield(channel.texts[position])

    def _encode(self, feed: Feed, position: str) -> tuple[str, str]:
        with acting_as(TEACHER):
            message, after = feed.message(position)
        spread = min(_LONGEST_SPREAD, _SPREAD_PER_SOCKET * self._sockets)
        message = {**message, "position": after, "spread": round(spread, 2)}
        return json.dumps(message, separators=(",", ":"), allow_nan=False), after

    async def _read(self) -> None:
        """Refresh all watched feeds repeatedly, while there are any."""
        loop = asyncio.get_running_loop()
        while self._channels:
            begun = loop.time()
            channels = [channel for channel in self._channels.values() if channel.due <= begun]
            for channel, outcome in zip(
                channels, await asyncio.to_thread(self._refresh, channels), strict=True
            ):
                channel.gone = outcome is None
                channel.due = begun + channel.feed.interval - INTERVAL / 2
                if outcome is not False:
                    channel.announce()
            await asyncio.sleep(max(0.0, begun + INTERVAL - loop.time()))

    def _refresh(self, channels: list[_Channel]) -> list[bool | None]:
        """Return per channel whether its feed changed; ``None`` if its run was deleted."""
        outcomes: list[bool | None] = []
        for channel in channels:
            try:
                outcomes.append(channel.feed.refresh())
            except RunNotFound:
                # The page of a deleted run reports it when it reruns.
                outcomes.append(None)
            except Exception:
                # The store may be locked or the disk full for a moment: try again later.
                if not channel.failing:
                    _LOG.exception("a feed could not be read")
                channel.failing = True
                outcomes.append(False)
            else:
                channel.failing = False
        return outcomes


def hub() -> Hub:
    """Return the hub of this process and home."""
    return _hub(Settings.from_environment())


@lru_cache(maxsize=4)
def _hub(settings: Settings) -> Hub:
    return Hub(RunStore(settings))
