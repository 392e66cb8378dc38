"""The charts of an experiment of the lab, which grow while its runs train."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cifarviz.experiment.lab.entrants import Kind
from cifarviz.figures.accuracy_by_size import AccuracyBySize, accuracy_by_size_figure
from cifarviz.figures.gap_bars import GapBar, gap_bars_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.learned_epochs import learned_epochs, learned_epochs_figure
from cifarviz.figures.memorisation_curves import MemorisationCurves, memorisation_figure
from cifarviz.figures.metric import Metric
from cifarviz.figures.theme import empty_figure
from cifarviz.runs.series import Series
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.lab.memory import RunMemory
from cifarviz.ui.lab.results import Standing

_HEIGHT = 420
# The others are as high as their legends need.
_HEIGHTS: Final = {
    "accuracy-by-size": _HEIGHT,
    "gaps": _HEIGHT,
    "memorisation": _HEIGHT,
    "learned": 300,
}
_NAMES: Final[Mapping[Kind, Sequence[str]]] = {
    "duel": ("accuracy", "loss"),
    "sizes": ("accuracy-by-size", "loss"),
    "cures": ("gaps", "loss"),
    "memorisation": ("memorisation", "accuracy", "learned"),
}
_TITLES: Final = {
    "accuracy": "Accuracy",
    "loss": "Loss",
    "accuracy-by-size": "Accuracy at the end, by the number of training images",
    "gaps": "The gap between training and validation",
    "memorisation": "What it says of its training images",
    "learned": "When labels were learned for good",
}
_NONE = np.empty(0)


def series_charts(kind: Kind, series: Series, figures: Mapping[str, Any], live: Live) -> None:
    """Show two charts side by side: what the experiment is about, and the curves of all runs.

    ``figures`` are those of ``series_figures``; between runs of the page the browser draws them by
    the same names as ``live`` has them.
    """
    # The curves of six runs have a long legend.
    left, right = st.columns([2, 3] if kind == "cures" else 2, gap="medium")
    places = {"learned": st.container()} | dict(zip(_NAMES[kind], (left, right), strict=False))
    for name in _NAMES[kind]:
        title = _TITLES[name]
        with places[name]:
            st.markdown(f"##### {title}")
            chart(
                figures[name],
                key=f"lab-{name}",
                view=series.id,
                height=_HEIGHTS.get(name),
                file_name=f"{series.kind}-{name}",
                description=f"{title}: {series.title}",
                live=live,
                live_name=name,
            )


def series_figures(
    kind: Kind, found: Sequence[Standing], memory: RunMemory | None
) -> dict[str, Any]:
    """Draw the charts of an experiment, by their names; ``memory`` is of its first run."""
    draw: Mapping[str, Callable[[], Any]] = {
        "accuracy": lambda: _history("accuracy", found),
        "loss": lambda: _history("loss", found),
        "accuracy-by-size": lambda: _sizes(found),
        "gaps": lambda: _gaps(found),
        "memorisation": lambda: _memorised(memory, found),
        "learned": lambda: learned_epochs_figure(_learned(memory)),
    }
    return {name: draw[name]() for name in _NAMES[kind]}


def _history(metric: Metric, found: Sequence[Standing]) -> go.Figure:
    # Those that wait have their colours already.
    curves = [_curve(metric, one) for one in found]
    if not any(one.history for one in found):
        return empty_figure("The curves begin with the first epoch.", height=_HEIGHT)
    return history_comparison_figure(history_comparison(metric, curves))


def _curve(metric: Metric, one: Standing) -> RunCurve:
    return RunCurve(
        name=one.label,
        epochs=np.array([epoch.epoch for epoch in one.history], np.int32),
        training=_values(one, metric),
        validation=_values(one, f"val_{metric}"),
        best_epoch=one.run.best_epoch,
        stopped_early=one.run.stopped_early,
        turn=None if one.result is None else one.result.fit.turn,
        rates=np.array([epoch.learning_rate for epoch in one.history]),
    )


def _values(one: Standing, field: str) -> np.ndarray:
    """float32; NaN where nothing was measured."""
    return np.array([getattr(epoch, field) for epoch in one.history], np.float32)


def _sizes(found: Sequence[Standing]) -> go.Figure:
    done = [one.result for one in found if one.result is not None and not one.run.state.active]
    planned = [one.run.experiment.data.train_images for one in found]
    return accuracy_by_size_figure(
        AccuracyBySize(
            images=np.array([one.train_images for one in done]),
            training=np.array([one.accuracy for one in done]),
            validation=np.array([one.val_accuracy for one in done]),
            planned=tuple(sorted(one for one in planned if one is not None)),
        )
    )


def _gaps(found: Sequence[Standing]) -> go.Figure:
    bars = [
        GapBar(
            one.label,
            None if one.result is None else one.result.accuracy,
            None if one.result is None else one.result.val_accuracy,
        )
        for one in found
    ]
    return gap_bars_figure(bars)


def _memorised(memory: RunMemory | None, found: Sequence[Standing]) -> go.Figure:
    if memory is None:
        return memorisation_figure(MemorisationCurves(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE))
    followed = memory.memory
    return memorisation_figure(
        MemorisationCurves(
            followed.epochs,
            followed.true_known,
            followed.false_known,
            followed.seen_through,
            np.array([epoch.epoch for epoch in found[0].history]),
            _values(found[0], "val_accuracy"),
        )
    )


def _learned(memory: RunMemory | None) -> Any:
    if memory is None:
        return learned_epochs(_NONE, _NONE, _NONE)
    followed = memory.memory
    return learned_epochs(followed.epochs, followed.true_learned, followed.false_learned)
