"""A run's course as it is played or watched, shaped once for all who look on."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cifarviz.errors import RunNotFound
from cifarviz.figures.replay import Replay, replay
from cifarviz.live.points import LivePoints, steps_per_epoch
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from cifarviz.ui import cache

# Runs that go on from one another, of which the course is drawn.
_MOST_PARENTS = 8


@dataclass(frozen=True, eq=False)
class _Way:
    """What was measured from ``begin`` on; ``x`` are the batches' places in epochs."""

    begin: int
    epochs: Sequence[Epoch]
    x: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray

    def until(self, epoch: int) -> "_Way":
        """The same up to an epoch."""
        here = self.x <= epoch
        epochs = [one for one in self.epochs if one.epoch <= epoch]
        return _Way(self.begin, epochs, self.x[here], self.loss[here], self.accuracy[here])

    def then(self, other: "_Way") -> "_Way":
        """This one, and another one that goes on from its end."""
        return _Way(
            self.begin,
            [*self.epochs, *other.epochs],
            np.concatenate([self.x, other.x]),
            np.concatenate([self.loss, other.loss]),
            np.concatenate([self.accuracy, other.accuracy]),
        )


def course(run: Run) -> Replay:
    """All that is known of how ``run`` went so far, what it went on from included."""
    return _course(run.id, cache.settings()).now(run)


class _Course:
    """The points of a run and what is shaped of them, made anew only when there is news."""

    def __init__(self, points: LivePoints, before: _Way | None) -> None:
        self._points, self._before = points, before
        self._lock = threading.Lock()
        self._shaped: Replay | None = None
        self._wanted: object = None

    def now(self, run: Run) -> Replay:
        history = self._points.refresh()
        # Of one that has ended early, what never came is no part of the axis.
        last = run.experiment.epochs if run.state.active else run.epochs_done
        worked = None if run.state.active else run.seconds
        wanted = (history.version, steps_per_epoch(run), last, run.best_epoch, worked)
        with self._lock:
            if self._shaped is None or self._wanted != wanted:
                own = _way(run, self._points)
                self._shaped = _shape(run, own, self._before, last)
                self._wanted = wanted
            return self._shaped


def _shape(run: Run, own: _Way, before: _Way | None, last: int) -> Replay:
    way = own if before is None else before.then(own)
    earlier = () if before is None else before.epochs
    return replay(
        epochs=[one.epoch for one in way.epochs],
        seconds=[*(one.seconds for one in earlier), *_seconds(run, own)],
        losses=([one.loss for one in way.epochs], [one.val_loss for one in way.epochs]),
        accuracies=(
            [one.accuracy for one in way.epochs],
            [one.val_accuracy for one in way.epochs],
        ),
        batch_epochs=way.x,
        batch_losses=way.loss,
        batch_accuracies=way.accuracy,
        last=max(last, 1),
        begin=way.begin,
        branch=None if before is None else run.parent_epoch,
    )


def _seconds(run: Run, own: _Way) -> list[float]:
    """How long each epoch took; of a finished run they add up to its time at work."""
    took = [one.seconds for one in own.epochs]
    finished = run.state is RunState.FINISHED and run.seconds > 0 and sum(took) > 0
    # Building, saving and what else is between epochs is a part of them here.
    share = run.seconds / sum(took) if finished else 1.0
    return [share * seconds for seconds in took]


def _way(run: Run, points: LivePoints) -> _Way:
    history, a_epoch = points.refresh(), steps_per_epoch(run)
    batches = history.batches
    known = slice(None) if a_epoch else slice(0)
    return _Way(
        run.parent_epoch or 0,
        history.epochs,
        batches.steps[known] / max(a_epoch, 1),
        batches.loss[known],
        batches.accuracy[known],
    )


def _before(run: Run) -> _Way | None:
    """What came before the weights that a fork began with; ``None`` where it is not here."""
    store, way = cache.store(), None
    for _ in range(_MOST_PARENTS):
        if run.parent is None or run.parent_epoch is None:
            break
        try:
            parent = store.get(run.parent)
        except RunNotFound:
            break
        piece = _way(parent, LivePoints(store, parent.id)).until(run.parent_epoch)
        if not piece.epochs or piece.epochs[-1].epoch != run.parent_epoch:
            break
        way = piece if way is None else piece.then(way)
        run = parent
    return way


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={Settings: repr})
def _course(run_id: str, settings: Settings) -> _Course:
    store = cache.store()
    return _Course(LivePoints(store, run_id), _before(store.get(run_id)))
