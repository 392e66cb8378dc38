"""Estimate how long the queue takes, and when each queued run starts.

A run in training has the time that it says itself; a queued one is estimated from the speeds of
runs on the same machine (``estimate.py``). Of a run that is paused, or like no other, nothing is
known: the estimate then says *at least*.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from heapq import heapify, heapreplace
from math import inf, sqrt

from cifarviz.errors import CifarvizError
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.estimate import (
    START_SECONDS,
    EpochWork,
    Estimate,
    MeasuredSpeed,
    epochs_left,
    estimate_epoch,
    recorded_speeds,
    run_work,
)
from cifarviz.training.local_places import lacks_memory, place_count, place_machine
from cifarviz.training.timing import PRECISIONS

# Seconds until finished runs are looked at again, and how many of the newest.
_REFRESH_SECONDS = 10.0
_MOST_RUNS = 300


@dataclass(frozen=True)
class QueueEstimate:
    """When the active runs will have ended, in seconds from now; ``None`` if nothing is known.

    ``is_complete``: whether the time of every run is known; else it takes longer. ``starts`` has
    the seconds until each queued run starts, where known, by id. ``lacks_memory``: another run
    would train now if memory for it were free.
    """

    seconds: float | None = None
    is_complete: bool = True
    starts: Mapping[str, float] = field(default_factory=dict)
    lacks_memory: bool = False


def is_training(run: Run) -> bool:
    """Whether a run has a place: it trains, or is paused or about to stop."""
    return run.state.active and run.state is not RunState.QUEUED


def estimate_queue(
    active: Sequence[Run], left: Mapping[str, float | None], places: int
) -> QueueEstimate:
    """Estimate when runs end that train ``places`` at a time, in their order.

    ``active`` has those in training first; ``left`` the seconds of training that each has left,
    ``None`` if unknown. A run that starts with another's weights waits for its end. Queued runs
    without an owner are not waited for.
    """

    def seconds(run: Run) -> float:
        known = left.get(run.id)
        return inf if known is None else known

    ends = {run.id: seconds(run) for run in active if is_training(run)}
    free_at = [*ends.values(), *[0.0] * (places - len(ends))]
    heapify(free_at)
    starts: dict[str, float] = {}
    start = 0.0
    for run in active:
        if is_training(run) or run.orphaned:
            continue
        # Not before those ahead of it.
        start = max(start, free_at[0], ends.get(_source(run), 0.0))
        if start < inf:
            starts[run.id] = start
        ends[run.id] = start + seconds(run)
        heapreplace(free_at, ends[run.id])
    known = [end for end in [*starts.values(), *ends.values()] if end < inf]
    # At least no time at all would say nothing.
    return QueueEstimate(max(known, default=0.0) or None, inf not in ends.values(), starts)


def _source(run: Run) -> str:
    """Return the run whose weights a run starts with; empty if there is none."""
    try:
        transfer = run.experiment.transfer
    except CifarvizError:
        return ""
    return "" if transfer is None else transfer.run


class QueueEstimator:
    """Estimates the queue of a home; reads finished runs only now and then."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._speeds: tuple[MeasuredSpeed, ...] = ()
        self._read_at = -inf
        self._read_for: object = None
        self._works: dict[tuple[str, str | None], EpochWork] = {}
        self._epochs: dict[EpochWork, Estimate] = {}

    def estimate(self, active: Sequence[Run]) -> QueueEstimate:
        """Estimate when the active runs of the home end, as ``RunStore.active`` returns them."""
        training = sum(map(is_training, active))
        waiting = [run for run in active if not is_training(run) and not run.orphaned]
        if not waiting and training < 2:
            # Its own time says everything.
            return QueueEstimate()
        left = self.seconds_left(active)
        places = place_count(self._store.settings)
        is_short = bool(waiting) and 0 < training < places and lacks_memory()
        at_once = training if is_short else max(training, places)
        estimate = estimate_queue(active, left, at_once)
        return QueueEstimate(estimate.seconds, estimate.is_complete, estimate.starts, is_short)

    def seconds_left(self, active: Sequence[Run]) -> dict[str, float | None]:
        """Return the seconds of training that each of the active runs has left, by id.

        ``None`` for a run that is paused, or of which nothing is known.
        """
        # Pages, feeds and the worker ask at the same time.
        with self._lock:
            self._read_speeds(active)
            return {run.id: self._seconds_left(run) for run in active}

    def _read_speeds(self, active: Sequence[Run]) -> None:
        states, now = [(run.id, run.state) for run in active], time.monotonic()
        if states == self._read_for and now < self._read_at + _REFRESH_SECONDS:
            return
        runs = self._store.all()[:_MOST_RUNS]
        # Of other machines too that train now: what waits goes there.
        here = place_machine(self._store.settings)
        machines = dict.fromkeys([here, *(run.machine for run in active if is_training(run))])
        self._speeds = tuple(
            speed for machine in machines for speed in recorded_speeds(runs, machine)
        )
        self._epochs.clear()
        ids = {run.id for run in active}
        self._works = {key: work for key, work in self._works.items() if key[0] in ids}
        self._read_at, self._read_for = now, states

    def _seconds_left(self, run: Run) -> float | None:
        if run.damage is not None or run.state is RunState.PAUSED:
            return None
        if run.state is RunState.STOPPING or run.requested == Action.STOP:
            return 0.0
        if run.progress is not None and run.state is RunState.RUNNING:
            known = run.progress.seconds_left
            if known is not None:
                return known
        try:
            epoch = self._epoch(self._work(run))
            if epoch is None:
                return None
            start = sqrt(START_SECONDS[0] * START_SECONDS[1])
            return start + sqrt(epoch.low * epoch.high) * epochs_left(run)
        except CifarvizError:
            return None

    def _work(self, run: Run) -> EpochWork:
        key = (run.id, run.precision)
        if key not in self._works:
            work = run_work(run)
            if run.precision is not None:
                work = replace(work, precision=PRECISIONS[run.precision])
            self._works[key] = work
        return self._works[key]

    def _epoch(self, work: EpochWork) -> Estimate | None:
        if work not in self._epochs:
            self._epochs[work] = estimate_epoch(work, self._speeds)
        estimate = self._epochs[work]
        # From fixed bounds alone it would be a guess.
        return estimate if estimate.runs else None


@lru_cache(maxsize=4)
def queue_estimator(store: RunStore) -> QueueEstimator:
    """Return the estimator of a store, which remembers the speeds of its runs."""
    return QueueEstimator(store)
