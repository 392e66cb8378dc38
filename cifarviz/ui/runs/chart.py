"""The curves of several runs in one chart a metric, with what they say of overfitting."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cifarviz.analysis.overfitting import Fit, judge_run, smoothed
from cifarviz.figures.figure_json import figure_values
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.metric import METRIC_TITLES, Metric
from cifarviz.live.feeds import run_mark
from cifarviz.live.hub import hub
from cifarviz.live.items import Item, verdict_item
from cifarviz.live.run_figures import published_figure_curves
from cifarviz.runs.lineage import branch_point
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address_choice import address_choice
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.earlier_losses import show_earlier_losses_of_curves
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.published_ghost import ghost_switch

_METRICS: tuple[Metric, ...] = ("accuracy", "loss")
_SMOOTHING = {"1": "Off", "3": "3 epochs", "5": "5", "9": "9"}
_AXES = {"linear": "Linear", "log": "Logarithmic"}

Histories = Mapping[str, Sequence[Epoch]]


def show_curves(runs: Sequence[Run], histories: Histories, fits: Mapping[str, Fit]) -> None:
    """Show accuracy and loss of ``runs`` after each epoch, training and validation.

    The address holds the smoothing as ``smooth`` and the loss axis as ``axis``.
    """
    published = ghost_switch(runs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        over = _choice(
            "smooth", "Smoothing", _SMOOTHING,
            "Shows the mean of so many epochs around each; verdicts go by the curves as measured.",
        )  # fmt: skip
        axis = _choice(
            "axis", "Loss axis", _AXES,
            "Logarithmic shows small losses apart, such as those of training at its end.",
        )  # fmt: skip
    names = distinct_names(runs)
    drawn = _Curves(
        cache.store(),
        names,
        published=published,
        smoothed_over=int(over),
        logarithmic=axis == "log",
    )
    live = None
    if any(run.state.active for run in runs):
        feed = f"curves-{hashlib.blake2b(repr(drawn.options).encode(), digest_size=8).hexdigest()}"
        hub().register(feed, drawn.message)
        live = Live(feed, _mark(runs))
        active = {run.id: _verdict(run, names, fits[run.id]) for run in runs if run.state.active}
        live_items(active, key="runs-verdicts", live=live)
    for metric in _METRICS:
        st.subheader(METRIC_TITLES[metric], anchor=metric)
        if metric == "loss":
            show_earlier_losses_of_curves(names, runs)
        chart(
            drawn.figure(metric, runs, histories, fits),
            key=f"runs-{metric}",
            view=",".join([*names, axis]),
            file_name=f"runs-{metric}",
            description=f"{METRIC_TITLES[metric]} of {', '.join(names.values())}",
            live=live,
            live_name=metric,
        )


class _Curves:
    """The charts of some runs, drawn by the page and, while one is under way, by the channel."""

    def __init__(
        self,
        store: RunStore,
        names: Mapping[str, str],
        *,
        published: bool,
        smoothed_over: int,
        logarithmic: bool,
    ) -> None:
        self.options = (dict(names), published, smoothed_over, logarithmic)
        """Two of the same options draw the same."""
        self._store = store
        self._names = names
        self._published = published
        self._over = smoothed_over
        self._logarithmic = logarithmic
        self._sent: tuple[object, dict[str, Any]] = (None, {})

    def message(self) -> dict[str, Any]:
        """Return the charts and verdicts as the runs stand, for the channel."""
        listed = {run.id: run for run in self._store.all()}
        runs = [listed[run_id] for run_id in self._names if run_id in listed]
        state = (_mark(runs), [run.epochs_done for run in runs])
        if self._sent[0] != state:
            histories = self._store.histories([run.id for run in runs])
            fits = {run.id: judge_run(run, histories[run.id]) for run in runs}
            self._sent = (
                state,
                {
                    "mark": _mark(runs),
                    "items": {
                        run.id: _verdict(run, self._names, fits[run.id]).values()
                        for run in runs
                        if run.state.active
                    },
                    "figures": {
                        metric: figure_values(self.figure(metric, runs, histories, fits))
                        for metric in _METRICS
                    },
                },
            )
        return self._sent[1]

    def figure(
        self, metric: Metric, runs: Sequence[Run], histories: Histories, fits: Mapping[str, Fit]
    ) -> go.Figure:
        """Draw one chart of ``runs``, which are those named."""
        curves = [
            _curve(
                metric, run, self._names[run.id], histories[run.id],
                branch_point(self._store, run), self._over, fits[run.id].turn,
            )
            for run in runs
        ]  # fmt: skip
        return history_comparison_figure(
            history_comparison(
                metric,
                curves,
                published_figure_curves(metric, runs) if self._published else None,
                logarithmic=self._logarithmic and metric == "loss",
                smoothed_over=self._over,
            )
        )


def _mark(runs: Sequence[Run]) -> str:
    return "".join(run_mark(run) for run in runs)


def _verdict(run: Run, names: Mapping[str, str], fit: Fit) -> Item:
    return replace(verdict_item(fit), title=names[run.id])


def _choice(name: str, label: str, options: Mapping[str, str], hint: str) -> str:
    return address_choice(
        name,
        label,
        options,
        key=f"runs-{name}",
        hint=hint,
        problem=lambda word: f"The charts have no {label.lower()} {word}: this is the usual one.",
    )


def _curve(
    metric: Metric,
    run: Run,
    name: str,
    epochs: Sequence[Epoch],
    start: Epoch | None,
    over: int,
    turn: int | None,
) -> RunCurve:
    validation = _values(epochs, f"val_{metric}", over)
    branch = None
    if start is not None:
        branch = (start.epoch, getattr(start, metric), getattr(start, f"val_{metric}"))
    return RunCurve(
        name=name,
        epochs=np.array([one.epoch for one in epochs], np.int32),
        training=_values(epochs, metric, over),
        validation=None if np.isnan(validation).all() else validation,
        best_epoch=run.best_epoch,
        stopped_early=run.stopped_early,
        turn=turn,
        branch=branch,
        rates=np.array([epoch.learning_rate for epoch in epochs]),
    )


def _values(epochs: Sequence[Epoch], field: str, over: int) -> np.ndarray:
    """float32, each the mean of ``over`` epochs around it; NaN where nothing was measured."""
    values = np.array([getattr(one, field) for one in epochs], np.float32)
    return smoothed(values, over // 2).astype(np.float32) if over > 1 else values
