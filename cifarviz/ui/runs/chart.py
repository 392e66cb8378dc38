"""The curves of several runs in one chart a metric, with what they say of overfitting."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from cifarviz.analysis.overfitting import Fit, smoothed
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.metric import METRIC_TITLES, Metric
from cifarviz.runs.lineage import branch_point
from cifarviz.runs.records import Epoch, Run
from cifarviz.ui import cache
from cifarviz.ui.components.chart import chart
from cifarviz.ui.earlier_losses import show_earlier_losses_of_curves
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.published_ghost import ghost, ghost_switch
from cifarviz.ui.query import render_choice

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
    starts = {run.id: branch_point(cache.store(), run) for run in runs}
    for metric in _METRICS:
        curves = [
            _curve(metric, run, names[run.id], histories[run.id], starts[run.id], int(over),
                   fits[run.id].turn)
            for run in runs
        ]  # fmt: skip
        st.subheader(METRIC_TITLES[metric], anchor=metric)
        if metric == "loss":
            show_earlier_losses_of_curves(names, runs)
        chart(
            history_comparison_figure(
                history_comparison(
                    metric,
                    curves,
                    ghost(metric, runs) if published else None,
                    logarithmic=axis == "log" and metric == "loss",
                    smoothed_over=int(over),
                )
            ),
            key=f"runs-{metric}",
            view=",".join([*names, axis]),
            file_name=f"runs-{metric}",
            description=f"{METRIC_TITLES[metric]} of {', '.join(names.values())}",
        )


def _choice(name: str, label: str, options: Mapping[str, str], hint: str) -> str:
    return render_choice(
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
