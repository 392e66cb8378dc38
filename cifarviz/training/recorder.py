"""Report progress from the engine to its sink, and poll for requests."""

import time

import numpy as np

from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.training.reporting import Sink

# Seconds between two writes, and between two polls for a request.
WRITE_SECONDS = 0.25
POLL_SECONDS = 0.1


class Recorder:
    """Collects points and progress into at most four writes per second.

    It writes only when it is time or ``flush`` is called, so that the engine can report every batch
    of the smallest network without being slowed down.
    """

    def __init__(
        self, sink: Sink, *, epochs: int, steps_per_epoch: int, seconds: float, since: float
    ) -> None:
        """``seconds`` is the run's training time until ``since``, on the monotonic clock."""
        self._sink = sink
        self._total_steps = epochs * steps_per_epoch
        self._steps_per_epoch = steps_per_epoch
        self._pending: list[tuple[int, np.ndarray, np.ndarray]] = []
        self._last_write = 0.0
        self._last_poll = 0.0
        self._seconds = seconds
        self._counted_until = since
        self._at_work = True
        self.phase = "preparing"
        self.epoch = 0
        self.step = 0
        self.images_per_second: float | None = None
        self.seconds_per_step: float | None = None
        self.seconds_per_validation = 0.0

    def seconds_at_work(self) -> float:
        """Return the training time of this run so far, over all attempts, without pauses.

        The times of epochs, validation and the run itself use this clock. Of an attempt that was
        killed, it counts the time until the last heartbeat.
        """
        now = time.monotonic()
        if self._at_work:
            self._seconds += now - self._counted_until
        self._counted_until = now
        return self._seconds

    def batches(self, first_step: int, loss: np.ndarray, accuracy: np.ndarray) -> None:
        """Add consecutive batches' own loss and accuracy."""
        self._pending.append((first_step, loss, accuracy))
        self.step = first_step + len(loss) - 1
        self.beat()

    def beat(self) -> None:
        """Write if the last write is long enough ago."""
        if time.monotonic() - self._last_write >= WRITE_SECONDS:
            self.flush()

    def flush(self, epoch: Epoch | None = None) -> None:
        """Write everything collected so far, and a finished epoch if there is one."""
        points = None
        if self._pending:
            first = self._pending[0][0]
            loss = np.concatenate([loss for _, loss, _ in self._pending])
            accuracy = np.concatenate([accuracy for _, _, accuracy in self._pending])
            points = BatchPoints(np.arange(first, first + len(loss)), loss, accuracy)
        # A process that is killed cannot report its time at the end.
        seconds = self.seconds_at_work()
        self._sink.record(self._progress(time.time()), points, epoch, seconds)
        self._pending.clear()
        self._last_write = time.monotonic()

    def enter(self, phase: str) -> None:
        """Set the current phase."""
        self.phase = phase
        self.beat()

    def stop_requested(self) -> bool:
        """Whether to stop; waits while the run is paused, polls ten times per second at most."""
        now = time.monotonic()
        if now - self._last_poll < POLL_SECONDS:
            return False
        self._last_poll = now
        action = self._sink.take_request()
        if action is Action.PAUSE:
            action = self._pause()
        if action is Action.STOP:
            self._sink.transition(RunState.STOPPING)
        return action is Action.STOP

    def _pause(self) -> Action:
        self.flush()
        self._sink.transition(RunState.PAUSED)
        self._at_work = False
        action = self._resume_or_stop()
        self.flush()
        self._at_work = True
        return action

    def _resume_or_stop(self) -> Action:
        while True:
            time.sleep(POLL_SECONDS)
            self.beat()
            action = self._sink.take_request()
            if action is Action.RESUME:
                self._sink.transition(RunState.RUNNING)
            if action in (Action.RESUME, Action.STOP):
                return action

    def _progress(self, now: float) -> Progress:
        left = None
        if self.seconds_per_step is not None:
            steps_left = self._total_steps - self.step
            epochs_left = steps_left / self._steps_per_epoch
            left = steps_left * self.seconds_per_step + epochs_left * self.seconds_per_validation
        return Progress(
            phase=self.phase,
            epoch=self.epoch,
            step=self.step,
            steps_per_epoch=self._steps_per_epoch,
            images_per_second=self.images_per_second,
            seconds_left=left,
            heartbeat=now,
        )
