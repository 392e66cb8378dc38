"""The scene of training: a run's curves, live or replayed."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid, RunNotFound
from cifarviz.escaping import single_line
from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.experiment.run_names import fork_name, unique_name
from cifarviz.figures.replay import Replay, replay, replay_json
from cifarviz.live.hub import hub
from cifarviz.live.items import outcome_text, state_label, timed_progress_text
from cifarviz.live.run_figures import LivePoints, steps_per_epoch
from cifarviz.people.person import may_make
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_data import is_data_unchanged
from cifarviz.runs.run_headline import format_duration, time_at_work
from cifarviz.runs.run_headline import headline as headline_of
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import epochs_to_fork
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.replay import (
    Pace,
    ReplayMark,
    pace_in_address,
    position_in_address,
    replay_curves,
)
from cifarviz.ui.errors import errors_as_toast
from cifarviz.ui.metrics import loss_note
from cifarviz.ui.present.stage import (
    Stage,
    render_headline,
    replay_mark,
    status_note,
    training_title,
)
from cifarviz.ui.query import update_query_params
from cifarviz.ui.queueing import queue_fork_once, queue_once

# Leaves room for what is added to a run's name.
_MAX_NAME = 80

# Longest chain of continued runs that is drawn.
_MAX_PARENTS = 8


@dataclass(frozen=True, eq=False)
class _Measurements:
    """Measurements from epoch ``start`` on; ``x`` are the batches' positions in epochs."""

    start: int
    epochs: Sequence[Epoch]
    x: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray

    def up_to(self, epoch: int) -> "_Measurements":
        """The measurements up to an epoch."""
        here = self.x <= epoch
        epochs = [epoch_ for epoch_ in self.epochs if epoch_.epoch <= epoch]
        return _Measurements(self.start, epochs, self.x[here], self.loss[here], self.accuracy[here])

    def followed_by(self, other: "_Measurements") -> "_Measurements":
        """These measurements with those of a run that continues at their end."""
        return _Measurements(
            self.start,
            [*self.epochs, *other.epochs],
            np.concatenate([self.x, other.x]),
            np.concatenate([self.loss, other.loss]),
            np.concatenate([self.accuracy, other.accuracy]),
        )


class _ReplayCache:
    """The points of a run and its replay, created again only when there are new points."""

    def __init__(self, points: LivePoints, parents: _Measurements | None) -> None:
        self._points, self._parents = points, parents
        self._lock = threading.Lock()
        self._replay: Replay | None = None
        self._version: object = None

    def current(self, run: Run) -> Replay:
        history = self._points.refresh()
        # The axis of a run that ended early ends with its last epoch.
        last = run.experiment.epochs if run.state.active else run.epochs_done
        seconds = None if run.state.active else run.seconds
        version = (history.version, steps_per_epoch(run), last, run.best_epoch, seconds)
        with self._lock:
            if self._replay is None or self._version != version:
                measured = _load_measurements(run, self._points)
                self._replay = _create_replay(run, measured, self._parents, last)
                self._version = version
            return self._replay


# Epochs to train if the run had none left.
_DEFAULT_EPOCHS = 5
KEY = "present-replay"

# Height of the panels in rem.
_HEIGHT = 19.0
_MINUTE = 60
_DOTS_NOTE = "Each dot is the loss or accuracy of a batch before the network learned from it."
_VALIDATION_NOTE = (
    "Validation is measured after each epoch, on images the network never learns from."
)
_MARK_LABELS: dict[ReplayMark, str] = {
    "waiting": "waiting",
    "starting": "starting",
    "live": "live",
    "paused": "paused",
    "stopping": "stopping",
    "recorded": "replayed",
}


def render_training(stage: Stage) -> Sequence[str]:
    """Render loss and accuracy side by side."""
    assert stage.run is not None
    run = stage.run
    render_headline(training_title(run))
    # The curves keep their key and place, so that they stay when the run ends.
    if run.state.active:
        _render_live(run)
        explained = [_curves_note(stage)] if replay_mark(run) == "live" else []
        return [status_note(run), *explained]
    return _render_recorded(run, stage)


def training_preview(stage: Stage) -> str:
    """The headline of the scene."""
    assert stage.run is not None
    return training_title(stage.run)


def _render_recorded(run: Run, stage: Stage) -> Sequence[str]:
    value = run_replay(cache.store(), run)
    if not value.epochs and not any(panel.batch_x.size for panel in value.panels):
        st.info(
            f"{quoted(run.name)}: {escaped(outcome_text(run))} There is nothing to replay.",
            icon=":material/info:",
        )
        return ["This run has no curves: nothing was measured before it ended."]
    live = live_experiment(run) if may_make() else None
    # A minute, but not slower than the training.
    usual = Pace() if value.seconds >= _MINUTE else Pace(times=1, seconds=None)
    replay_curves(
        value,
        key=KEY,
        view=run.id,
        height=_HEIGHT,
        mark="recorded",
        description=_description(run),
        player=True,
        at=position_in_address(),
        pace=pace_in_address(usual),
        forks=continuable_epochs(run),
        on_fork=lambda epoch: continue_run(run, epoch),
        restart=_live_label(run, live),
        on_restart=lambda: _train_live(run, live),
    )
    notes = [
        f"**Recorded**: training took {format_duration(time_at_work(run) or 0)} on "
        f"{escaped(run.machine)}. Each epoch is replayed in proportion to its duration; steps "
        "within an epoch are evenly spaced. Space or the clicker's next button plays.",
        _curves_note(stage),
    ]
    if run.state is not RunState.FINISHED or run.stopped_early is not None:
        notes.insert(0, f"**{state_label(run).capitalize()}**: {escaped(outcome_text(run))}")
    if stage.history:
        first, last = stage.history[0], stage.history[-1]
        change = ""
        if last.epoch > first.epoch:
            change = (
                f"From epoch {first.epoch} to {last.epoch} training accuracy went from "
                f"{first.accuracy:.1%} to {last.accuracy:.1%}"
            )
            if first.val_accuracy is not None and last.val_accuracy is not None:
                change += f", validation from {first.val_accuracy:.1%} to {last.val_accuracy:.1%}"
            change += ". "
        notes.append(f"{change}Best: {headline_of(run)}.")
    if earlier := loss_note(run):
        notes.append(earlier)
    if may_make() and not has_training_images(run):
        sample = "" if live is None else " The embedded sample needs no download: train on it."
        notes.append(
            f"To continue training from here takes the full {stage.info.title} set of the Data "
            f"page: this run was trained on it.{sample}"
        )
    return notes


def _curves_note(stage: Stage) -> str:
    assert stage.run is not None
    validated = not isinstance(stage.run.experiment.validation, NoValidation)
    return f"{_DOTS_NOTE} {_VALIDATION_NOTE}" if validated else _DOTS_NOTE


def _render_live(run: Run) -> None:
    feed = f"replay-{run.id}"
    hub().register(feed, partial(live_message, cache.store(), run.id))
    mark = replay_mark(run)
    replay_curves(
        run_replay(cache.store(), run),
        key=KEY,
        view=run.id,
        height=_HEIGHT,
        mark=mark,
        description=_description(run),
        below=_progress_text(run),
        # The page renders title and notes and reruns when the mark changes.
        live=Live(feed, mark),
    )


def live_message(store: RunStore, run_id: str) -> dict[str, Any]:
    """The changing part of an active run, for the live channel."""
    run = store.get(run_id)
    mark = replay_mark(run)
    text = {"mark": mark, "description": _description(run), "below": _progress_text(run)}
    return {"mark": mark, "replay": replay_json(run_replay(store, run)), "texts": text}


def _description(run: Run) -> str:
    return f"Loss and accuracy of “{run.name}” ({_MARK_LABELS[replay_mark(run)]})"


def _progress_text(run: Run) -> str:
    return f"{state_label(run)}: {timed_progress_text(run) or outcome_text(run)}"


def run_replay(store: RunStore, run: Run) -> Replay:
    """The replay of ``run`` so far, with the runs that it continued."""
    return _replay_cache(store, run.id).current(run)


def _create_replay(
    run: Run, own: _Measurements, parents: _Measurements | None, last: int
) -> Replay:
    measured = own if parents is None else parents.followed_by(own)
    epochs, parent_epochs = measured.epochs, () if parents is None else parents.epochs
    return replay(
        epochs=[epoch.epoch for epoch in epochs],
        seconds=[*(epoch.seconds for epoch in parent_epochs), *_seconds(run, own)],
        losses=(
            [epoch.loss for epoch in epochs],
            [epoch.val_loss for epoch in epochs],
        ),
        accuracies=(
            [epoch.accuracy for epoch in epochs],
            [epoch.val_accuracy for epoch in epochs],
        ),
        batch_epochs=measured.x,
        batch_losses=measured.loss,
        batch_accuracies=measured.accuracy,
        last=max(last, 1),
        begin=measured.start,
        branch=None if parents is None else run.parent_epoch,
    )


def _seconds(run: Run, own: _Measurements) -> list[float]:
    """The seconds of each epoch; those of a finished run add up to its training time."""
    durations = [epoch.seconds for epoch in own.epochs]
    finished = run.state is RunState.FINISHED and run.seconds > 0 and sum(durations) > 0
    # Time between epochs, such as building and saving, is spread over them.
    share = run.seconds / sum(durations) if finished else 1.0
    return [share * seconds for seconds in durations]


def _load_measurements(run: Run, points: LivePoints) -> _Measurements:
    history, steps = points.refresh(), steps_per_epoch(run)
    batches = history.batches
    batches_known = slice(None) if steps else slice(0)
    return _Measurements(
        run.parent_epoch or 0,
        history.epochs,
        batches.steps[batches_known] / max(steps, 1),
        batches.loss[batches_known],
        batches.accuracy[batches_known],
    )


def _load_parents(store: RunStore, run: Run) -> _Measurements | None:
    """The measurements before a fork's first weights; ``None`` if they are missing."""
    parents = None
    for _ in range(_MAX_PARENTS):
        if run.parent is None or run.parent_epoch is None:
            break
        try:
            parent = store.get(run.parent)
        except RunNotFound:
            break
        piece = _load_measurements(parent, LivePoints(store, parent.id)).up_to(run.parent_epoch)
        if not piece.epochs or piece.epochs[-1].epoch != run.parent_epoch:
            break
        parents = piece if parents is None else piece.followed_by(parents)
        run = parent
    return parents


@lru_cache(maxsize=32)
def _replay_cache(store: RunStore, run_id: str) -> _ReplayCache:
    return _ReplayCache(LivePoints(store, run_id), _load_parents(store, store.get(run_id)))


def continuable_epochs(run: Run) -> Sequence[int]:
    """The epochs with saved weights to continue from; none if the images are missing."""
    if not may_make() or not has_training_images(run):
        return ()
    return list(epochs_to_fork(cache.store().folder(run.id), run))


def has_training_images(run: Run) -> bool:
    """Whether the training images of ``run`` are on this machine, and unchanged."""
    data = run.experiment.data
    return is_data_unchanged(run) and (
        data.variant == "sample" or library.status(data.dataset, cache.settings()).full_available
    )


def live_experiment(run: Run) -> Experiment | None:
    """The experiment to train live from the start: on the sample if the run's images are missing.

    ``None`` if the data set has no sample either.
    """
    parent = run.experiment
    if has_training_images(run):
        return parent
    if not find_dataset(parent.data.dataset).has_sample:
        return None
    data = {**dict(parent.data), "variant": "sample", "train_images": None}
    try:
        return Experiment.make(**{**dict(parent), "data": data})
    except ExperimentInvalid:
        return None


def _live_label(run: Run, experiment: Experiment | None) -> str:
    if experiment is None:
        return ""
    return "Train live" if experiment == run.experiment else "Train live on the sample"


def _train_live(run: Run, experiment: Experiment | None) -> None:
    """Queue a run of this experiment from the start, and present it; a callback."""
    if experiment is None:
        return
    with errors_as_toast():
        taken = {other.name for other in cache.store().all()}
        name = unique_name(f"{single_line(run.name)[:_MAX_NAME]} · live", taken)
        worker = cache.worker()
        queued = queue_once(
            ("present", experiment.to_json()),
            lambda: worker.submit(experiment, name),
            lambda result: [result.id],
        )
        update_query_params(run=queued.id, at=None, epoch=None)


def continue_run(run: Run, epoch: int) -> None:
    """Queue a run that continues after ``epoch``, and present it; a callback."""
    parent = run.experiment
    left = parent.epochs - epoch
    with errors_as_toast():
        changes = ForkChanges(epochs=left if left > 0 else _DEFAULT_EPOCHS)
        experiment = fork_experiment(parent, epoch, changes)
        taken = {other.name for other in cache.store().all()}
        name = unique_name(fork_name(run.name, parent, experiment, epoch), taken)
        queued = queue_fork_once(run, epoch, experiment, name)
        update_query_params(run=queued.id, at=None, epoch=None)
