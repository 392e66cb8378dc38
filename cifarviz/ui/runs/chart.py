"""The curves of several runs in one chart."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from cifarviz.analysis.history import history_frame
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.metric import METRIC_TITLES, Metric
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.components.chart import chart
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.published_ghost import ghost, ghost_switch

_METRICS: tuple[Metric, ...] = ("accuracy", "loss")


def show_curves(runs: Sequence[Run]) -> None:
    """Show accuracy and loss of ``runs`` after each epoch, training and validation."""
    published = ghost_switch("runs", runs)
    names = distinct_names(runs)
    by_id = {run.id: run for run in runs}
    frames = {run.id: history_frame(cache.store().epochs(run.id)) for run in runs}
    for metric in _METRICS:
        curves = [
            RunCurve(
                name=names[run_id],
                epochs=frame["epoch"].to_numpy(),
                training=frame[metric].to_numpy(),
                validation=_measured(frame[f"val_{metric}"]),
                best_epoch=by_id[run_id].best_epoch,
                stopped_early=by_id[run_id].stopped_early,
            )
            for run_id, frame in frames.items()
        ]
        st.subheader(METRIC_TITLES[metric], anchor=metric)
        chart(
            history_comparison_figure(
                history_comparison(metric, curves, ghost(metric, runs) if published else None)
            ),
            key=f"runs-{metric}",
            view=",".join(frames),
            file_name=f"runs-{metric}",
            description=f"{METRIC_TITLES[metric]} of {', '.join(names.values())}",
        )


def _measured(values: pd.Series) -> np.ndarray | None:
    return None if values.isna().all() else values.to_numpy()
