"""The charts of a run's loss and accuracy, and incremental reading of its points."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import Any, Final

import numpy as np

from cifarviz.errors import CifarvizError
from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS, Preset
from cifarviz.figures.curve_marks import EpochCurves, PublishedCurves, published_curves
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.theme import MetricName
from cifarviz.runs.records import BatchPoints, Epoch, Run
from cifarviz.runs.store import RunStore

MOST_DOTS = 1000


@dataclass(frozen=True, eq=False)
class History:
    """The batches and epochs of a run; ``version`` changes whenever they do."""

    version: tuple[int, int, int]
    batches: BatchPoints
    epochs: Sequence[Epoch]


class LivePoints:
    """Reads new points of a run from the store; can be shared between threads."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._lock = threading.Lock()
        self._batches = _no_points()
        self._epochs: Sequence[Epoch] = ()
        self._restarts = 0

    def refresh(self) -> History:
        """Read new points; return the run's history."""
        with self._lock:
            epochs = self._store.epochs(self._run_id)
            last = int(self._batches.steps[-1]) if len(self._batches) else 0
            # Starting at the last known point: if it is gone or has changed, the run went back to
            # its checkpoint, and all points are read again.
            new = self._store.batch_points(self._run_id, after=max(last - 1, 0))
            if last and not _is_continued(self._batches, new):
                self._restarts += 1
                self._batches = _no_points()
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


METRICS: Final[tuple[MetricName, ...]] = ("loss", "accuracy")


def run_figure(
    metric: MetricName,
    run: Run,
    history: History,
    *,
    overfitting_start: int | None,
    before: Sequence[Epoch],
    published: bool,
    batches: bool = True,
) -> Mapping[str, Any]:
    """Draw one chart of a run, as a dict of ``data`` and ``layout``.

    ``overfitting_start`` is an epoch, ``before`` the epochs of the parent.
    Without ``batches`` the two traces of batches, marked by ``meta``, hold a single point, and the
    browser fills in its own.
    """
    validated = not isinstance(run.experiment.validation, NoValidation)
    points, epochs = history.batches, history.epochs
    known = slice(None) if batches else slice(1)
    steps = points.steps[known]
    values = (points.loss if metric == "loss" else points.accuracy)[known]
    measured = [epoch.val_loss if metric == "loss" else epoch.val_accuracy for epoch in epochs]
    curves = history_curves(
        metric,
        epochs=[epoch.epoch for epoch in epochs],
        training=[epoch.loss if metric == "loss" else epoch.accuracy for epoch in epochs],
        validation=[np.nan if v is None else v for v in measured] if validated else None,
        batch_epochs=steps / max(steps_per_epoch(run), 1),
        batch_values=values,
        best_epoch=run.best_epoch,
        stopped_early=run.stopped_early,
        published=published_figure_curves(metric, [run]) if published else None,
        overfitting_start=overfitting_start,
        before=_epoch_curves(metric, before),
        rates=[epoch.learning_rate for epoch in epochs],
        max_points=max(len(steps), 1),
    )
    if batches:
        # The trend uses all batches; only some are drawn, always the same ones.
        drawn = dot_positions(steps)
        curves = replace(
            curves,
            batch_x=curves.batch_x[drawn],
            batch_y=curves.batch_y[drawn],
            trend=curves.trend[drawn],
        )
    return dict(history_figure(curves).to_plotly_json())


def published_figure_curves(metric: MetricName, runs: Sequence[Run]) -> PublishedCurves | None:
    """Return the published curves of the preset that all ``runs`` started from, on its data set.

    ``None`` if there are none, or they started from several.
    """
    experiments = [
        made for run in runs if (made := readable_experiment(run.experiment_json)) is not None
    ]
    presets = {made.preset for made in experiments}
    if len(experiments) < len(runs) or len(presets) != 1:
        return None
    preset = preset_of(experiments[0])
    if preset is None or preset.published is None:
        return None
    published_on = preset.experiment.data.dataset
    if any(experiment.data.dataset != published_on for experiment in experiments):
        # Losses on other images say nothing about these.
        return None
    return published_curves(
        metric,
        preset.facts["history"],
        str(preset.facts["measured_on"]),
        max(experiment.epochs for experiment in experiments),
    )


def preset_of(experiment: Experiment) -> Preset | None:
    """Return the preset that an experiment started from, if there still is one of that name."""
    return None if experiment.preset is None else PRESETS.get(experiment.preset)


@lru_cache(maxsize=100)
def readable_experiment(experiment_json: str) -> Experiment | None:
    """Return the experiment of that JSON; ``None`` where it is damaged or of a later version."""
    try:
        return Experiment.from_json(experiment_json)
    except CifarvizError:
        # Reported on the run's page.
        return None


def _epoch_curves(metric: MetricName, epochs: Sequence[Epoch]) -> EpochCurves | None:
    if not epochs:
        return None
    return EpochCurves(
        np.array([epoch.epoch for epoch in epochs], np.int32),
        np.array([getattr(epoch, metric) for epoch in epochs], np.float32),
        np.array([getattr(epoch, f"val_{metric}") for epoch in epochs], np.float32),
        np.array([epoch.learning_rate for epoch in epochs]),
    )


def dot_positions(steps: np.ndarray) -> np.ndarray:
    """Return the positions of the batches to draw, at most ``MOST_DOTS``.

    Every step, then every second, every fourth and so on as their number grows, so that a drawn dot
    never moves.
    """
    stride = 1
    while len(steps) > stride * MOST_DOTS:
        stride *= 2
    return np.flatnonzero(steps % stride == 0)[:MOST_DOTS]


def _is_continued(known: BatchPoints, new: BatchPoints) -> bool:
    return bool(len(new) and new.steps[0] == known.steps[-1] and new.loss[0] == known.loss[-1])


def _no_points() -> BatchPoints:
    nothing = np.empty(0, np.float32)
    return BatchPoints(np.empty(0, np.int64), nothing, nothing)


def steps_per_epoch(run: Run) -> int:
    """Return the training steps per epoch of ``run``; 0 while unknown.

    Imported runs have no progress, so it is computed from their images and batch size.
    """
    if run.progress is not None and run.progress.steps_per_epoch:
        return run.progress.steps_per_epoch
    return ceil((run.train_images or 0) / run.experiment.batch_size)
