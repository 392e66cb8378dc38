"""The speed of a run that trains in a server, in windows with and without browsers that watch."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import median

from benchmarks.page_client import PageClient
from cifarviz.runs.store import RunStore

# Until sessions that have opened their page have started.
_START_SECONDS = 2.0


class WatchedRun:
    """A run in training, and what was measured of it.

    ``feeds`` are the live feeds that a browser opens. In a class each browser has the cookie of
    another of its people.
    """

    def __init__(
        self, url: str, store: RunStore, run_id: str, feeds: Sequence[str], cookies: Sequence[str]
    ) -> None:
        self._url, self._store, self._run_id = url, store, run_id
        self._feeds, self._cookies = feeds, cookies
        self.speeds: dict[int, list[float]] = {}
        """Steps per second in each window, by the number of browsers."""
        self.delays: dict[int, list[float]] = {}
        """Seconds from the store to a browser of new points, by the number of browsers."""

    def measure(
        self, count: int, meanwhile: Callable[[Sequence[PageClient]], None]
    ) -> Sequence[PageClient]:
        """Measure while so many browsers watch and ``meanwhile`` runs; returns them, closed."""
        with ExitStack() as stack:
            query = f"view=watch&run={self._run_id}"
            clients = [
                stack.enter_context(
                    PageClient(self._url, "train", query, self._feeds, cookie=cookie)
                )
                for cookie in self._cookies[:count]
            ]
            for client in clients:
                client.wait()
            time.sleep(_START_SECONDS)
            first, since = self._next_step()
            meanwhile(clients)
            last, until = self._next_step()
            self.speeds.setdefault(count, []).append((last - first) / (until - since))
            # The first message contains all earlier points.
            delays = [delay for client in clients for delay in client.delays[1:]]
            self.delays.setdefault(count, []).extend(delays)
        return clients

    def ratio(self, count: int) -> float:
        """Return the median speed with so many browsers, relative to the same round without any."""
        pairs = zip(self.speeds[count], self.speeds[0], strict=True)
        return median(watched / unwatched for watched, unwatched in pairs)

    def _next_step(self) -> tuple[int, float]:
        """Wait for the run's next heartbeat; returns its step and its time."""
        before = self._store.get(self._run_id).progress
        while True:
            now = self._store.get(self._run_id).progress
            if now is not None and before is not None and now.heartbeat > before.heartbeat:
                return now.step, now.heartbeat
            time.sleep(0.01)
