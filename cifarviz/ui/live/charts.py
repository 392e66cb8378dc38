"""Loss and accuracy of one run, side by side, drawn once for all who look on."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import streamlit as st

from cifarviz.analysis.overfitting import Fit, judge_run
from cifarviz.experiment.choices import NoValidation
from cifarviz.figures.before_fork import EpochCurves
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.learning_rate import rate_words
from cifarviz.figures.metric import Metric
from cifarviz.figures.published_curves import PublishedCurves
from cifarviz.runs.lineage import epochs_before
from cifarviz.runs.records import Epoch, Run
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.fit import verdict
from cifarviz.ui.live.points import History, LivePoints, kept_dots, steps_per_epoch
from cifarviz.ui.published_ghost import ghost, ghost_switch
from cifarviz.ui.query import sync_query_params

_HEIGHT = 450
# Seconds for which a drawing does, so that twenty lookers-on don't have it made twenty times.
_DRAW_EVERY = 0.4
_METRICS: tuple[Metric, ...] = ("loss", "accuracy")
Figures = Mapping[Metric, Mapping[str, Any]]


def live_charts(run: Run) -> None:
    """Show both charts as far as the run has come."""
    sync_query_params()
    published = ghost_switch([run])
    course = _course(run.id, cache.settings(), published)
    figures = course.figures(run, steps_per_epoch(run))
    # Its place is there from the beginning, or the charts would be made anew, without their zoom,
    # when the first words come.
    with st.container():
        if run.epochs_done:
            st.markdown(f"{verdict(course.fit)} {escaped(course.fit.reason)}")
    for place, metric in zip(st.columns(2), _METRICS, strict=True):
        with place:
            chart(
                figures[metric],
                key=f"live-{metric}",
                view=run.id,
                height=_HEIGHT,
                file_name=f"{run.name} {metric}",
                description=course.description(metric, run),
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
        self.fit = Fit("too early", "No epoch is done yet.")
        """What the epochs say that the figures were drawn of."""
        self._rate_words = ""

    def description(self, metric: Metric, run: Run) -> str:
        """What a chart shows, for screen readers."""
        about = f"{metric.capitalize()} of “{run.name}” over the epochs"
        return f"{about}. {self._rate_words}" if metric == "loss" and self._rate_words else about

    def figures(self, run: Run, steps_per_epoch: int) -> Figures:
        history = self._points.refresh()
        wanted = (
            history.version, steps_per_epoch, run.best_epoch, run.stopped_early, run.state.active
        )  # fmt: skip
        with self._lock:
            due = not run.state.active or time.monotonic() - self._drawn_at >= _DRAW_EVERY
            if self._drawn != wanted and due:
                self.fit = judge_run(run, history.epochs)
                before = _before(run)
                rates = np.array([epoch.learning_rate for epoch in history.epochs])
                self._rate_words = rate_words(rates) if rates.size else ""
                self._figures = {
                    metric: _figure(
                        metric,
                        history,
                        run,
                        steps_per_epoch,
                        ghost(metric, [run]) if self._published else None,
                        self.fit.turn,
                        before,
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


def _before(run: Run) -> Sequence[Epoch]:
    return () if run.parent is None else epochs_before(cache.store(), run)


def _epoch_curves(metric: Metric, epochs: Sequence[Epoch]) -> EpochCurves | None:
    if not epochs:
        return None
    return EpochCurves(
        np.array([one.epoch for one in epochs], np.int32),
        np.array([getattr(one, metric) for one in epochs], np.float32),
        np.array([getattr(one, f"val_{metric}") for one in epochs], np.float32),
    )


def _figure(
    metric: Metric,
    history: History,
    run: Run,
    steps_per_epoch: int,
    published: PublishedCurves | None,
    turn: int | None,
    before: Sequence[Epoch],
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
        turn=turn,
        before=_epoch_curves(metric, before),
        rates=[epoch.learning_rate for epoch in epochs],
        most_points=max(len(batches), 1),
    )
    # All batches make the trend; only some of them are drawn, always the same ones.
    kept = kept_dots(batches.steps)
    drawn = replace(
        curves,
        batch_x=curves.batch_x[kept],
        batch_y=curves.batch_y[kept],
        trend=curves.trend[kept],
    )
    return dict(history_figure(drawn).to_plotly_json())
