"""Progress reports and cancellation of a fetch or an import."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cifarviz.errors import FetchCancelled

_SECONDS_BETWEEN_REPORTS = 0.1


@dataclass(frozen=True)
class FetchProgress:
    """The progress of a fetch or an import.

    ``stage`` is waiting, looking, connecting, downloading, decoding, verifying, writing or done.
    Bytes, of an import pictures, count within the stage; ``total_bytes`` and ``seconds_left`` are
    ``None`` while unknown.
    ``notes`` are sentences on sources that failed before.
    """

    source: str
    stage: str
    done_bytes: int
    total_bytes: int | None
    seconds_left: float | None
    notes: tuple[str, ...] = ()


class ProgressReporter:
    """Reports progress and raises ``FetchCancelled`` when cancelled."""

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
        """All notes so far."""
        return self._notes

    def check(self) -> None:
        """Raise ``FetchCancelled`` if the user cancelled."""
        if self._cancelled is not None and self._cancelled():
            raise FetchCancelled("Cancelled. Nothing was stored.")

    def note(self, text: str) -> None:
        """Add a sentence to all later reports."""
        self._notes = (*self._notes, text)

    def begin(self, source: str, stage: str, total: int | None = None) -> None:
        """Start a stage of a source, which resets its bytes and time."""
        self._source, self._stage = source, stage
        self._started = time.monotonic()
        self._report(0, total)
        self.check()

    def stage(self, stage: str, total: int | None = None) -> None:
        """Start another stage of the same source."""
        self.begin(self._source, stage, total)

    def advance(self, done: int, total: int | None) -> None:
        """Report the bytes done in this stage, at most ten times a second."""
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
