"""How a fetch tells how far it is, and hears that it is called off."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cifarviz.errors import FetchCancelled

_SECONDS_BETWEEN_REPORTS = 0.1


@dataclass(frozen=True)
class FetchProgress:
    """Where a fetch stands.

    ``stage`` is one of waiting, looking, connecting, downloading, decoding, verifying, writing,
    done. Bytes count within the stage; ``total_bytes`` and ``seconds_left`` are None while
    unknown. ``notes`` are sentences on what was tried before and did not work out.
    """

    source: str
    stage: str
    done_bytes: int
    total_bytes: int | None
    seconds_left: float | None
    notes: tuple[str, ...] = ()


class ProgressReporter:
    """Reports progress to one side and asks it whether to go on."""

    def __init__(
        self,
        on_progress: Callable[[FetchProgress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._source = ""
        self._stage = ""
        self._started = 0.0
        self._reported = 0.0
        self._done = 0
        self._notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything noted so far."""
        return self._notes

    def check(self) -> None:
        """Raise ``FetchCancelled`` if the user called it off."""
        if self._cancelled is not None and self._cancelled():
            raise FetchCancelled("You cancelled the download. Nothing was stored.")

    def note(self, text: str) -> None:
        """Keep a sentence that every later report carries."""
        self._notes = (*self._notes, text)

    def begin(self, source: str, stage: str, total: int | None = None) -> None:
        """Enter a stage: the count and the clock start anew."""
        self._source, self._stage = source, stage
        self._started = time.monotonic()
        self._report(0, total)
        self.check()

    def stage(self, stage: str, total: int | None = None) -> None:
        """Enter another stage of the same source."""
        self.begin(self._source, stage, total)

    def advance(self, done: int, total: int | None) -> None:
        """Say how many bytes of the stage are done; at most ten reports a second get through."""
        self.check()
        arrived = done == total and done != self._done
        if arrived or time.monotonic() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._report(done, total)

    def _report(self, done: int, total: int | None) -> None:
        self._reported = time.monotonic()
        self._done = done
        if self._on_progress is None:
            return
        elapsed = self._reported - self._started
        left = None
        if total is not None and done > 0 and elapsed > 0.3:
            left = max(0.0, (total - done) * elapsed / done)
        self._on_progress(FetchProgress(self._source, self._stage, done, total, left, self._notes))
