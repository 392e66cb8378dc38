"""What the authors of an experiment reported, as a ghost behind one's own curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cifarviz.experiment.presets import HistoryRow
from cifarviz.figures.metric import METRIC_FORMATS, Metric
from cifarviz.figures.theme import TEST, TRAINING, VALIDATION

# Fewer epochs than this make no course: they are drawn as points.
_SHORTEST_COURSE = 3


@dataclass(frozen=True, eq=False)
class PublishedCurves:
    """Arrays of one length; ``held_out`` was measured on ``images``: validation or test."""

    metric: Metric
    epochs: np.ndarray
    training: np.ndarray
    held_out: np.ndarray
    images: str


def published_curves(
    metric: Metric, rows: Sequence[HistoryRow], images: str, last_epoch: int
) -> PublishedCurves | None:
    """The rows up to ``last_epoch``; ``None`` if there are none."""
    shown = [row for row in rows if row.epoch <= last_epoch]
    if not shown:
        return None
    loss = metric == "loss"
    return PublishedCurves(
        metric=metric,
        epochs=np.asarray([row.epoch for row in shown], np.int32),
        training=np.asarray([row.loss if loss else row.accuracy for row in shown], np.float32),
        held_out=np.asarray(
            [row.val_loss if loss else row.val_accuracy for row in shown], np.float32
        ),
        images=images,
    )


def add_published(
    figure: go.Figure, curves: PublishedCurves, group: Mapping[str, Any] | None = None
) -> None:
    """Draw them thin and dashed, as two entries of the legend, or as a ``group`` of two in it."""
    course = curves.epochs.size >= _SHORTEST_COURSE
    number = METRIC_FORMATS[curves.metric]
    held_out = TEST if curves.images == "test" else VALIDATION
    for kind, values, color, symbol in (
        ("training", curves.training, TRAINING, "circle-open"),
        (curves.images, curves.held_out, held_out, "diamond-open"),
    ):
        figure.add_scatter(
            x=curves.epochs,
            y=values,
            mode="lines" if course else "markers",
            legendrank=5,
            line={"color": color, "width": 1.5, "dash": "dash"},
            marker={"color": color, "size": 10, "symbol": symbol, "line": {"width": 1.5}},
            hovertemplate=f"Published {kind}, epoch %{{x}}: %{{y:{number}}}<extra></extra>",
            name=kind.capitalize() if group else f"Published {kind}",
            **(group or {}),
        )
