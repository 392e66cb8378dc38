"""A limit on wrong codes, so that nobody can try them all."""

import threading
import time
from collections import deque

from cifarviz.errors import AttemptsExceeded


class Attempts:
    """Counts failures; safe to use from several threads.

    At most ``most`` within ``seconds`` from one address, and ten times that from all.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._failures: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Raise ``AttemptsExceeded`` if there were too many failures; before anything is tried."""
        now = time.monotonic()
        with self._lock:
            while self._failures and self._failures[0][0] < now - self._seconds:
                self._failures.popleft()
            own = [moment for moment, other in self._failures if other == address]
            waits = [own[0]] if len(own) >= self._most else []
            if len(self._failures) >= 10 * self._most:
                waits.append(self._failures[0][0])
        if waits:
            raise AttemptsExceeded(
                "Too many wrong codes. Try again in {seconds} s.",
                seconds=max(1, round(max(waits) + self._seconds - now)),
            )

    def note_failure(self, address: str) -> None:
        """Count a wrong code from this address."""
        with self._lock:
            self._failures.append((time.monotonic(), address))
