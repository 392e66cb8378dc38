"""The curves of several runs in one chart."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.metric import METRIC_TITLES, Metric
from cifarviz.runs.records import Epoch, Run
from cifarviz.ui import cache
from cifarviz.ui.components.chart import chart
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.published_ghost import ghost, ghost_switch

_METRICS: tuple[Metric, ...] = ("accuracy", "loss")


def show_curves(runs: Sequence[Run]) -> None:
    """Show accuracy and loss of ``runs`` after each epoch, training and validation."""
    published = ghost_switch("runs", runs)
    names = distinct_names(runs)
    histories = cache.store().histories(list(names))
    for metric in _METRICS:
        curves = [_curve(metric, run, names[run.id], histories[run.id]) for run in runs]
        st.subheader(METRIC_TITLES[metric], anchor=metric)
        chart(
            history_comparison_figure(
                history_comparison(metric, curves, ghost(metric, runs) if published else None)
            ),
            key=f"runs-{metric}",
            view=",".join(names),
            file_name=f"runs-{metric}",
            description=f"{METRIC_TITLES[metric]} of {', '.join(names.values())}",
        )


def _curve(metric: Metric, run: Run, name: str, epochs: Sequence[Epoch]) -> RunCurve:
    validation = _values(epochs, f"val_{metric}")
    return RunCurve(
        name=name,
        epochs=np.array([one.epoch for one in epochs], np.int32),
        training=_values(epochs, metric),
        validation=None if np.isnan(validation).all() else validation,
        best_epoch=run.best_epoch,
        stopped_early=run.stopped_early,
    )


def _values(epochs: Sequence[Epoch], field: str) -> np.ndarray:
    """float32; NaN where nothing was measured."""
    return np.array([getattr(one, field) for one in epochs], np.float32)
