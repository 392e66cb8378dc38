"""The points of one run as they come in, kept by the server for all who look on."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from cifarviz.runs.records import BatchPoints, Epoch, Run
from cifarviz.runs.store import RunStore

MOST_DOTS = 1000


@dataclass(frozen=True, eq=False)
class History:
    """All that is known of a run's course. ``version`` differs whenever anything in it does."""

    version: tuple[int, int, int]
    batches: BatchPoints
    epochs: Sequence[Epoch]


class LivePoints:
    """Reads from the store only what is new; for one run, shared between threads."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._lock = threading.Lock()
        self._batches = _none()
        self._epochs: Sequence[Epoch] = ()
        self._restarts = 0

    def refresh(self) -> History:
        """What is known now."""
        with self._lock:
            epochs = self._store.epochs(self._run_id)
            last = int(self._batches.steps[-1]) if len(self._batches) else 0
            # From the last known point on: if that one is gone or another, the run has gone back
            # to its checkpoint in the meantime, and all points are read again.
            new = self._store.batch_points(self._run_id, after=max(last - 1, 0))
            if last and not _goes_on(self._batches, new):
                self._restarts += 1
                self._batches = _none()
                new = self._store.batch_points(self._run_id)
                last = 0
            fresh = new.steps > last
            if fresh.any():
                self._batches = BatchPoints(
                    np.concatenate([self._batches.steps, new.steps[fresh]]),
                    np.concatenate([self._batches.loss, new.loss[fresh]]),
                    np.concatenate([self._batches.accuracy, new.accuracy[fresh]]),
                )
            self._epochs = epochs
            version = (self._restarts, len(self._batches), len(epochs))
            return History(version, self._batches, epochs)


def kept_dots(steps: np.ndarray) -> np.ndarray:
    """Which of the batches to draw, at most ``MOST_DOTS``, as positions.

    Every step, then every second, every fourth and so on as there are more: a dot that is drawn
    never moves, it only leaves when the dots get twice as thin.
    """
    stride = 1
    while len(steps) > stride * MOST_DOTS:
        stride *= 2
    return np.flatnonzero(steps % stride == 0)[:MOST_DOTS]


def _goes_on(known: BatchPoints, new: BatchPoints) -> bool:
    return bool(len(new) and new.steps[0] == known.steps[-1] and new.loss[0] == known.loss[-1])


def _none() -> BatchPoints:
    nothing = np.empty(0, np.float32)
    return BatchPoints(np.empty(0, np.int64), nothing, nothing)


def steps_per_epoch(run: Run) -> int:
    """How many training steps an epoch of ``run`` has; 0 while that is not known.

    One that came as a file has no progress of its own, but the numbers it follows from.
    """
    if run.progress is not None and run.progress.steps_per_epoch:
        return run.progress.steps_per_epoch
    return ceil((run.train_images or 0) / run.experiment.batch_size)
