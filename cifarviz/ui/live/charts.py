"""Loss and accuracy of one run, side by side, drawn once for all who look on."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import streamlit as st

from cifarviz.experiment.choices import NoValidation
from cifarviz.figures.history import history_curves, history_figure, trend_reach
from cifarviz.figures.metric import Metric
from cifarviz.figures.published_curves import PublishedCurves
from cifarviz.runs.records import Run
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.components.chart import chart
from cifarviz.ui.live.points import History, LivePoints, kept_dots, steps_per_epoch
from cifarviz.ui.published_ghost import ghost, ghost_switch

_HEIGHT = 450
# Seconds for which a drawing does, so that twenty lookers-on don't have it made twenty times.
_DRAW_EVERY = 0.4
_METRICS: tuple[Metric, ...] = ("loss", "accuracy")
Figures = Mapping[Metric, Mapping[str, Any]]


def live_charts(run: Run) -> None:
    """Show both charts as far as the run has come."""
    published = ghost_switch("train", [run])
    course = _course(run.id, cache.settings(), published)
    figures = course.figures(run, steps_per_epoch(run))
    for place, metric in zip(st.columns(2), _METRICS, strict=True):
        with place:
            chart(
                figures[metric],
                key=f"live-{metric}",
                view=run.id,
                height=_HEIGHT,
                file_name=f"{run.name} {metric}",
                description=f"{metric.capitalize()} of “{run.name}” over the epochs",
            )


class _Course:
    """The points of a run and the figures made of them, made anew only when there is news."""

    def __init__(self, points: LivePoints, *, published: bool) -> None:
        self._points = points
        self._published = published
        self._lock = threading.Lock()
        self._drawn: object = None
        self._drawn_at = -inf
        self._figures: Figures = {}

    def figures(self, run: Run, steps_per_epoch: int) -> Figures:
        history = self._points.refresh()
        wanted = (history.version, steps_per_epoch, run.best_epoch, run.stopped_early)
        with self._lock:
            due = not run.state.active or time.monotonic() - self._drawn_at >= _DRAW_EVERY
            if self._drawn != wanted and due:
                self._figures = {
                    metric: _figure(
                        metric,
                        history,
                        run,
                        steps_per_epoch,
                        ghost(metric, [run]) if self._published else None,
                    )
                    for metric in _METRICS
                }
                self._drawn, self._drawn_at = wanted, time.monotonic()
            return self._figures


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={Settings: repr})
def _course(run_id: str, settings: Settings, published: bool) -> _Course:
    return _Course(_points(run_id, settings), published=published)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={Settings: repr})
def _points(run_id: str, settings: Settings) -> LivePoints:
    return LivePoints(cache.store(), run_id)


def _figure(
    metric: Metric,
    history: History,
    run: Run,
    steps_per_epoch: int,
    published: PublishedCurves | None,
) -> Mapping[str, Any]:
    validated = not isinstance(run.experiment.validation, NoValidation)
    batches, epochs = history.batches, history.epochs
    values = batches.loss if metric == "loss" else batches.accuracy
    measured = [epoch.val_loss if metric == "loss" else epoch.val_accuracy for epoch in epochs]
    curves = history_curves(
        metric,
        epochs=[epoch.epoch for epoch in epochs],
        training=[epoch.loss if metric == "loss" else epoch.accuracy for epoch in epochs],
        validation=[np.nan if v is None else v for v in measured] if validated else None,
        batch_epochs=batches.steps / max(steps_per_epoch, 1),
        batch_values=values,
        best_epoch=run.best_epoch,
        stopped_early=run.stopped_early,
        published=published,
        most_points=max(len(batches), 1),
    )
    # At both ends the trend is taken from fewer and fewer batches, and jumps about while it grows.
    trend, edge = curves.trend.copy(), trend_reach(len(batches)) // 2
    trend[:edge] = trend[len(trend) - edge :] = np.nan
    # All batches make the trend; only some of them are drawn, always the same ones.
    kept = kept_dots(batches.steps)
    drawn = replace(
        curves, batch_x=curves.batch_x[kept], batch_y=curves.batch_y[kept], trend=trend[kept]
    )
    return dict(history_figure(drawn).to_plotly_json())
