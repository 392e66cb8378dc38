"""What browsers can watch: a run, all active runs, and functions registered by pages.

A feed reads its source on request, and makes the message for a browser that has received everything
up to a *position*.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol
from zlib import crc32

import numpy as np

from cifarviz.analysis.overfitting import Fit, judge_run
from cifarviz.figures.figure_json import figure_values, plain_values
from cifarviz.figures.theme import MetricName
from cifarviz.live.items import (
    Item,
    metrics_item,
    state_item,
    verdict_item,
)
from cifarviz.live.queue_items import active_items, status_items, waiting_text
from cifarviz.live.run_figures import METRICS, History, LivePoints, run_figure, steps_per_epoch
from cifarviz.people.person import TEACHER, Person, acting_as
from cifarviz.runs.access import masked
from cifarviz.runs.lineage import inherited_epochs
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.queue_estimate import QueueEstimate, queue_estimator

Message = dict[str, Any]

# How many recent positions are recognised without checking all batches.
_MOST_POSITIONS = 64

# In hashes of ids, which could be guessed from them.
_KEY = os.urandom(16)

STATUS: Final = "status"
"""The name of the feed of the training run."""
ACTIVE: Final = "active"
"""The name of the feed of all active runs."""
MOST_POINTS: Final = 2**16
"""Of a run with more batches, only every second, fourth, … is sent."""
NOT_BEGUN: Final = ""
"""The position of a browser that has received nothing yet."""


class Feed(Protocol):
    """A live source; one object per process for all browsers that watch it.

    ``interval`` is the seconds between two refreshes, at least 0.25.
    """

    interval: float

    def refresh(self) -> bool:
        """Read the source; return whether it has changed."""

    def message(self, position: str) -> tuple[Message, str]:
        """Return the message for a browser at ``position``, and its new position.

        The message's ``mark`` changes when the page's script has to run again.
        """


class ActiveRuns:
    """The active runs of a home and when they end, read once for all who watch; thread-safe.

    What was read is used again for ``max_age`` seconds.
    """

    def __init__(self, store: RunStore, max_age: float = 0.0) -> None:
        self._store = store
        self._max_age = max_age
        self._lock = threading.Lock()
        self._until = 0.0
        self._runs: Sequence[Run] = ()
        self._estimate = QueueEstimate()

    def read(self) -> tuple[list[Run], QueueEstimate]:
        """Return them as ``RunStore.active`` gives them to the current person, and the estimate."""
        with self._lock:
            if time.monotonic() >= self._until:
                with acting_as(TEACHER):
                    self._runs = self._store.active()
                self._estimate = queue_estimator(self._store).estimate(self._runs)
                self._until = time.monotonic() + self._max_age
            runs, estimate = self._runs, self._estimate
        return [masked(run) for run in runs], estimate


def run_mark(run: Run) -> str:
    """Return a hash of what only the script draws of a run, such as its buttons."""
    giving_way = run.gives_way, run.gave_way_to
    return _mark(run.state, run.orphaned, run.message, run.note, run.damage, *giving_way)


def _mark(*facts: object) -> str:
    return hashlib.blake2b(repr(facts).encode(), digest_size=6).hexdigest()


class RunFeed:
    """One run: its points, epochs, charts and numbers.

    ``published`` adds the preset's published curves. It has what ``person`` sees.
    """

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        active: ActiveRuns,
        *,
        published: bool,
        person: Person = TEACHER,
    ) -> None:
        self.interval = 0.25
        self._store = store
        self._active = active
        self.person = person
        self._run_id = run_id
        self._published = published
        self._points = LivePoints(store, run_id)
        self._lock = threading.RLock()
        self._run = store.get(run_id)
        self._history = self._points.refresh()
        self._drawn: object = None
        self._fit = Fit("too early", "No epoch is done yet.")
        self._figures: dict[str, Any] = {}
        self._figures_mark = ""
        self._waiting = ""
        # Restarts, batches and checksum of the last position.
        self._checked = (0, 0, 0)
        self._known_positions: dict[str, tuple[int, int, str]] = {}

    def refresh(self) -> bool:
        """Read the run; raises ``RunNotFound`` when it was deleted."""
        with acting_as(self.person):
            return self._refresh()

    def _refresh(self) -> bool:
        run = self._store.get(self._run_id)
        history = self._points.refresh()
        queued = run.state is RunState.QUEUED
        waiting = ""
        if queued:
            waiting = waiting_text(run, *self._active.read())
        # A class waits for as many runs as it has people.
        self.interval = 1.0 if queued else 0.25
        with self._lock:
            changed = (run, waiting) != (self._run, self._waiting)
            changed = changed or history.version != self._history.version
            self._run, self._history, self._waiting = run, history, waiting
            return changed

    def items(self) -> dict[str, Item]:
        """Return state, metrics and verdict of the run by name, as of the last ``refresh``."""
        with self._lock:
            self._judge()
            return self._items()

    def _items(self) -> dict[str, Item]:
        run = self._run
        return {
            "state": state_item(run, self._waiting),
            "metrics": metrics_item(run),
            "verdict": verdict_item(self._fit) if self._history.epochs else Item(),
        }

    def learning_rates(self) -> list[float]:
        """Return the learning rate of each epoch's last step, as of the last ``refresh``."""
        with self._lock:
            return [epoch.learning_rate for epoch in self._history.epochs]

    def figure(self, metric: MetricName) -> Mapping[str, Any]:
        """Return a chart with all its points, for a page's script."""
        with self._lock:
            self._judge()
            return self._figure(metric, batches=True)

    def message(self, position: str) -> tuple[Message, str]:
        """Return points and epochs after ``position``, changed charts, and current numbers."""
        with self._lock:
            self._judge()
            run, history = self._run, self._history
            batches, epochs = history.batches, history.epochs
            step, done, drawn = self._known(position)
            after = int(np.searchsorted(batches.steps, step, side="right"))
            message: Message = {
                "run": run.id,
                "state": str(run.state),
                "mark": run_mark(run),
                "items": {name: item.values() for name, item in self._items().items()},
                "progress": None if run.progress is None else dict(vars(run.progress)),
                "stepsPerEpoch": steps_per_epoch(run),
            }
            if after < len(batches) or step == 0:
                stride = 1
                while len(batches) > stride * MOST_POINTS:
                    stride *= 2
                sent = after + np.flatnonzero(batches.steps[after:] % stride == 0)
                message["points"] = {
                    "after": step,
                    "stride": stride,
                    "steps": batches.steps[sent],
                    "loss": batches.loss[sent],
                    "accuracy": batches.accuracy[sent],
                }
            if done < len(epochs) or done == 0:
                message["epochs"] = {
                    "after": done,
                    "rows": [epoch._asdict() for epoch in epochs[done:]],
                }
            if drawn != self._figures_mark:
                message["figures"] = self._figures
            return plain_values(message), self._position(history)

    def _judge(self) -> None:
        """Redraw the charts without their batches, if anything in them has changed."""
        run, history = self._run, self._history
        wanted = (
            history.version[0], len(history.epochs), len(history.batches) > 0,
            steps_per_epoch(run), run.best_epoch, run.stopped_early, run.state.active,
        )  # fmt: skip
        if wanted == self._drawn:
            return
        self._fit = judge_run(run, history.epochs)
        self._figures = {
            metric: figure_values(self._figure(metric, batches=False)) for metric in METRICS
        }
        self._figures_mark = _mark(json.dumps(self._figures))
        self._drawn = wanted

    def _figure(self, metric: MetricName, *, batches: bool) -> Mapping[str, Any]:
        run = self._run
        with acting_as(self.person):
            before = _parent_epochs(self._store, run)
        return run_figure(
            metric,
            run,
            self._history,
            overfitting_start=self._fit.overfits_after,
            before=before,
            published=self._published,
            batches=batches,
        )

    def _position(self, history: History) -> str:
        steps, done = history.batches.steps, len(history.epochs)
        step = int(steps[-1]) if len(steps) else 0
        restarts, count, crc = self._checked
        if restarts != history.version[0]:
            count, crc = 0, 0
            self._known_positions.clear()
        crc = crc32(history.batches.loss[count:].tobytes(), crc)
        self._checked = (history.version[0], len(steps), crc)
        position = f"{step}.{done}.{_fingerprint(crc, history, done)}.{self._figures_mark}"
        self._known_positions[position] = (step, done, self._figures_mark)
        while len(self._known_positions) > _MOST_POSITIONS:
            del self._known_positions[next(iter(self._known_positions))]
        return position

    def _known(self, position: str) -> tuple[int, int, str]:
        """Return the step, the epochs and the charts that a browser has; nothing of another past.

        A run that was cut off goes back to its last checkpoint: what came after it is void.
        """
        if self._checked[0] == self._history.version[0] and position in self._known_positions:
            return self._known_positions[position]
        step, done, fingerprint, drawn = (*position.split("."), "", "", "", "")[:4]
        if not (step.isdecimal() and done.isdecimal() and len(step) < 12 and len(done) < 12):
            return 0, 0, ""
        batches = self._history.batches
        until = int(np.searchsorted(batches.steps, int(step), side="right"))
        crc = crc32(batches.loss[:until].tobytes())
        if _fingerprint(crc, self._history, int(done)) != fingerprint:
            return 0, 0, ""
        return int(step), int(done), drawn


def _fingerprint(crc: int, history: History, done: int) -> str:
    """Return a hash of the batches with checksum ``crc`` and the first ``done`` epochs."""
    return f"{crc32(repr(list(history.epochs[:done])).encode(), crc):08x}"


def _parent_epochs(store: RunStore, run: Run) -> list[Epoch]:
    return [] if run.parent is None else list(inherited_epochs(store, run))


class ActiveFeed:
    """All active runs by id, those in training first, and a summary, as ``person`` sees them."""

    interval = 1.0

    def __init__(self, active: ActiveRuns, person: Person) -> None:
        self._active = active
        self._person = person
        self._runs: Sequence[Run] = ()
        self._estimate = QueueEstimate()

    def refresh(self) -> bool:
        """Read the active runs, and estimate when they end."""
        with acting_as(self._person):
            runs, estimate = self._active.read()
        changed = (runs, estimate) != (self._runs, self._estimate)
        self._runs, self._estimate = runs, estimate
        return changed

    def message(self, position: str) -> tuple[Message, str]:
        """Return an item per run and the summary, for any position."""
        items = _values(active_items(self._runs, self._estimate))
        return {"mark": active_mark(self._runs), "items": items}, _mark(items)


def active_mark(runs: Sequence[Run]) -> str:
    """Return a hash of the active runs and their states."""
    return _mark(_KEY, *((run.id, run_mark(run)) for run in runs))


class StatusFeed(ActiveFeed):
    """The runs in training, for the sidebar."""

    def message(self, position: str) -> tuple[Message, str]:
        """Return their items, for any position."""
        items = _values(status_items(self._runs, self._estimate))
        return {"mark": status_mark(self._runs), "items": items}, _mark(items)


def _values(items: Mapping[str, Item]) -> dict[str, dict[str, Any]]:
    return {name: item.values() for name, item in items.items()}


def status_mark(active: Sequence[Run]) -> str:
    """Return a hash of the first run in training, and of queued runs whose process has ended."""
    first = active[0].id if active else None
    return _mark(_KEY, first, [run.id for run in active if run.orphaned])


class PageFeed:
    """A feed computed by a function that a page registered.

    ``compute`` is called outside of any script. It returns ``mark``, ``items`` and ``figures`` as
    in a run's message, or other parts for the page's component. A part that is the same object as
    before counts as unchanged.
    """

    interval = 0.5

    def __init__(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        self.compute = compute
        self._computed: Mapping[str, Any] = {}
        self._parts: Mapping[str, tuple[str, Any]] = {}

    def refresh(self) -> bool:
        """Compute the parts; return whether any has changed."""
        computed = self.compute()
        parts = {name: self._part(name, part) for name, part in computed.items()}
        changed = {name: mark for name, (mark, _) in parts.items()} != {
            name: mark for name, (mark, _) in self._parts.items()
        }
        self._computed, self._parts = computed, parts
        return changed

    def _part(self, name: str, part: Any) -> tuple[str, Any]:
        if name in self._parts and part is self._computed.get(name):
            return self._parts[name]
        value = plain_values(part)
        return _mark(name, json.dumps(value)), value

    def message(self, position: str) -> tuple[Message, str]:
        """Return the mark, and the parts that have changed since ``position``."""
        parts, known = self._parts, position.split(".")
        message = {
            name: part
            for name, (mark, part) in parts.items()
            if name == "mark" or mark not in known
        }
        return message, ".".join(mark for mark, _ in parts.values())
