"""A fetch of a data set that tests hold and end."""

import threading
from collections.abc import Callable

from cifarviz.data.progress import FetchProgress
from cifarviz.errors import FetchCancelled
from cifarviz.settings import Settings


class SlowFetch:
    """Stands in for ``data.fetch.fetch``: reports once, and goes on until it is told how to end."""

    def __init__(self, progress: FetchProgress) -> None:
        self.progress = progress
        self.calls: list[tuple[str, str]] = []
        self.going = threading.Event()
        self.ending = threading.Event()
        self.error: Exception | None = None

    def __call__(
        self,
        name: str,
        settings: Settings,
        source: str,
        on_progress: Callable[[FetchProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.calls.append((name, source))
        on_progress(self.progress)
        self.going.set()
        while not self.ending.wait(0.005):
            if cancelled():
                raise FetchCancelled("The download was called off. Nothing of it was kept.")
        if self.error is not None:
            raise self.error
