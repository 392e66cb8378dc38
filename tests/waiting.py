"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

_INTERVAL = 0.01


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until ``condition`` is true; ``AssertionError`` if it is not after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still not so after {seconds} s"
        time.sleep(_INTERVAL)
