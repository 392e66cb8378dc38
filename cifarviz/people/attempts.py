"""A limit on attempts, so that nobody can try all codes, or fill a class alone."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from cifarviz.errors import AttemptsExceeded


class Attempts:
    """Counts what did not succeed; safe to use from several threads.

    At most ``most`` within ``seconds`` from one address, and ten times that from all.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._counted: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def counted(self, address: str) -> Iterator[None]:
        """Count what is tried inside, unless it ends without an exception.

        It counts from its beginning, so that no number of requests at once is tried. Raises
        ``AttemptsExceeded`` before anything is tried.
        """
        attempt = self.count(address)
        yield
        with self._lock:
            self._counted.remove(attempt)

    def count(self, address: str) -> tuple[float, str]:
        """Count one, and return it; raises ``AttemptsExceeded`` instead if there are too many."""
        now = time.monotonic()
        with self._lock:
            while self._counted and self._counted[0][0] <= now - self._seconds:
                self._counted.popleft()
            own = [moment for moment, other in self._counted if other == address]
            waits = [own[0]] if len(own) >= self._most else []
            if len(self._counted) >= 10 * self._most:
                waits.append(self._counted[0][0])
            if not waits:
                attempt = now, address
                self._counted.append(attempt)
                return attempt
        raise AttemptsExceeded(
            "Too many attempts, or wrong codes. Try again in {seconds} s.",
            seconds=max(1, round(max(waits) + self._seconds - now)),
        )
