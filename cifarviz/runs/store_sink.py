"""A sink that writes an attempt's reports to the store."""

import time
from dataclasses import replace

from cifarviz.runs.leases import Attempt
from cifarviz.runs.limits import stop_overtime
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore

# Seconds of training between two checks of how long a run may train.
_OVERTIME_SECONDS = 5.0


class StoreSink:
    """A ``Sink`` (``training/reporting.py``) for a run in the store.

    Each call that writes renews the lease of the attempt; all raise ``LeaseLost`` once the run has
    ended or started again.
    """

    def __init__(self, store: RunStore, run_id: str, attempt: Attempt) -> None:
        self._store, self._run_id, self._attempt = store, run_id, attempt
        # The run's training time when its limit was checked last.
        self._checked_at = 0.0

    def describe(self, **facts: object) -> None:
        """Store facts of the run, as ``RunStore.describe``."""
        self._store.describe(self._run_id, attempt=self._attempt, **facts)

    def record(
        self,
        progress: Progress,
        batches: BatchPoints | None = None,
        epoch: Epoch | None = None,
        seconds: float | None = None,
    ) -> None:
        """Record progress, as ``RunStore.record``, with the store host's time as heartbeat."""
        progress = replace(progress, heartbeat=time.time())
        self._store.record(self._run_id, progress, batches, epoch, seconds, attempt=self._attempt)
        if seconds is not None and seconds > self._checked_at + _OVERTIME_SECONDS:
            self._checked_at = seconds
            stop_overtime(self._store, self._run_id, seconds)

    def rewind(self, *, step: int, epoch: int) -> None:
        """Delete steps and epochs that will be repeated, as ``RunStore.rewind``."""
        self._store.rewind(self._run_id, step=step, epoch=epoch, attempt=self._attempt)

    def take_request(self) -> Action | None:
        """Return the pending request, as ``RunStore.take_request``."""
        return self._store.take_request(self._run_id, attempt=self._attempt)

    def transition(self, to: RunState) -> None:
        """Move the run to another state, as ``RunStore.transition``."""
        self._store.transition(self._run_id, to, attempt=self._attempt)
