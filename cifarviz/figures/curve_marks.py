"""Additions to a run's curves: its parent, its gap, its marks and published results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from cifarviz.experiment.presets import HistoryRow
from cifarviz.figures.theme import (
    METRIC_FORMATS,
    NEUTRAL,
    TEST,
    TRAINING,
    VALIDATION,
    MetricName,
    translucent,
)


@dataclass(frozen=True, eq=False)
class EpochCurves:
    """Values after each epoch: arrays of one length, NaN where nothing was measured."""

    epochs: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    rates: np.ndarray = field(default_factory=lambda: np.empty(0))
    """The learning rate in the last step of each epoch; empty if unknown."""


# Curves and grid must show through, also where gaps of several runs overlap.
_GAP_OPACITY, _SEVERAL_OPACITY = 0.16, 0.2
START_SYMBOL: Final = "circle-open"

# Fewer epochs than this are drawn as points.
_FEWEST_FOR_LINE = 3


@dataclass(frozen=True, eq=False)
class PublishedCurves:
    """Arrays of one length; ``evaluation`` was measured on ``images``: validation or test."""

    metric: MetricName
    epochs: np.ndarray
    training: np.ndarray
    evaluation: np.ndarray
    images: str


def add_parent_curves(figure: go.Figure, before: EpochCurves, number: str) -> None:
    """Draw the curves before a fork thin and dotted; ``number`` is a d3 number format."""
    for name, values, color in (
        ("training", before.training, TRAINING),
        ("validation", before.validation, VALIDATION),
    ):
        if np.isfinite(values).any():
            figure.add_scatter(
                x=before.epochs,
                y=values,
                name=f"Before the fork, {name}",
                mode="lines",
                legendrank=7,
                showlegend=False,
                line={"color": color, "width": 1.5, "dash": "dot"},
                hovertemplate=(
                    f"Before the fork, {name}, epoch %{{x}}: %{{y:{number}}}<extra></extra>"
                ),
            )


def gap_trace(
    epochs: np.ndarray, training: np.ndarray, validation: np.ndarray, *, gaps: int = 1
) -> dict[str, Any] | None:
    """The area between both curves, arrays of one length; ``None`` with fewer than two epochs.

    ``gaps`` is the number of such areas in the figure.
    """
    known = np.isfinite(training) & np.isfinite(validation)
    if known.sum() < 2:
        return None
    forward, back = epochs[known].tolist(), epochs[known][::-1].tolist()
    return {
        "type": "scatter",
        "x": forward + back,
        "y": training[known].tolist() + validation[known][::-1].tolist(),
        "mode": "none",
        "fill": "toself",
        "fillcolor": translucent(
            VALIDATION, _GAP_OPACITY if gaps == 1 else _SEVERAL_OPACITY / gaps
        ),
        "hoverinfo": "skip",
        "name": "Gap",
        "legendrank": 6,
        # Behind all curves, whatever its position among the traces.
        "zorder": -1,
    }


def start_marker() -> dict[str, Any]:
    """The marker where overfitting starts: a ring, in which a star stays visible."""
    return {
        "symbol": START_SYMBOL,
        "size": 20,
        "color": VALIDATION,
        "line": {"width": 2.5, "color": NEUTRAL},
    }


def published_curves(
    metric: MetricName, rows: Sequence[HistoryRow], images: str, last_epoch: int
) -> PublishedCurves | None:
    """The rows up to ``last_epoch``; ``None`` if there are none."""
    rows = [row for row in rows if row.epoch <= last_epoch]
    if not rows:
        return None
    loss = metric == "loss"
    return PublishedCurves(
        metric=metric,
        epochs=np.asarray([row.epoch for row in rows], np.int32),
        training=np.asarray([row.loss if loss else row.accuracy for row in rows], np.float32),
        evaluation=np.asarray(
            [row.val_loss if loss else row.val_accuracy for row in rows], np.float32
        ),
        images=images,
    )


def published_traces(
    curves: PublishedCurves, group: Mapping[str, Any] | None = None, *, training: bool = True
) -> list[dict[str, Any]]:
    """Thin, dashed curves, optionally in a legend ``group`` and without ``training``."""
    is_line = curves.epochs.size >= _FEWEST_FOR_LINE
    number = METRIC_FORMATS[curves.metric]
    evaluation_color = TEST if curves.images == "test" else VALIDATION
    drawn = [("training", curves.training, TRAINING, "circle-open")] if training else []
    drawn.append((curves.images, curves.evaluation, evaluation_color, "diamond-open"))
    return [
        {
            "type": "scatter",
            "x": curves.epochs,
            "y": values,
            "mode": "lines" if is_line else "markers",
            "legendrank": 5,
            "line": {"color": color, "width": 1.5, "dash": "dash"},
            "marker": {"color": color, "size": 10, "symbol": symbol, "line": {"width": 1.5}},
            "hovertemplate": f"Published {kind}, epoch %{{x}}: %{{y:{number}}}<extra></extra>",
            "name": kind.capitalize() if group else f"Published {kind}",
            **(group or {}),
        }
        for kind, values, color, symbol in drawn
    ]
