"""Loss and accuracy over the epochs: charts, and the gap in numbers."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cifarviz.errors import CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import set_sizes
from cifarviz.export.report.charts import Chart, below
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.gap import gap_sentence, gaps
from cifarviz.export.report.markup import Html, joined, paragraph, table
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.metric import METRIC_TITLES, Metric

_METRICS: tuple[Metric, ...] = ("loss", "accuracy")


def curves(contents: Sequence[RunContents], chart: Chart) -> Html:
    """Both charts; a run alone shows its batches, several are drawn over each other."""
    shown = [one for one in contents if one.epochs]
    if not shown:
        return paragraph("No epoch was finished, so there are no curves.")
    parts = []
    for metric in _METRICS:
        figure = _one(metric, shown[0]) if len(contents) == 1 else _several(metric, shown)
        title = METRIC_TITLES[metric]
        names = ", ".join(one.name for one in shown)
        parts.append(chart(figure, metric, f"{title} of {names} by epoch"))
    return joined(parts)


def gap_table(contents: Sequence[RunContents]) -> Html:
    """Training and validation beside each other after the best epoch and the last."""
    rows, sentences = [], []
    for one in contents:
        found = gaps(one.epochs, one.run.best_epoch)
        for gap in found:
            row = [
                f"{gap.epoch} ({gap.when})",
                f"{gap.loss:.4f}",
                f"{gap.val_loss:.4f}",
                f"{gap.of_loss:+.4f}",
                f"{gap.accuracy:.1%}",
                f"{gap.val_accuracy:.1%}",
                f"{100 * gap.of_accuracy:+.1f}",
            ]
            rows.append(row if len(contents) == 1 else [one.name, *row])
        sentence = gap_sentence(found)
        sentences.append(
            sentence if len(contents) == 1 or not sentence else f"{one.name}: {sentence}"
        )
    if not rows:
        return paragraph(
            "No images were held back for validation, so it cannot be said how much of what was "
            "learned holds for new images."
        )
    headings = [
        "Epoch",
        "Training loss",
        "Validation loss",
        "Gap",
        "Training accuracy",
        "Validation accuracy",
        "Gap in points",
    ]
    return joined(
        [
            table(headings if len(contents) == 1 else ["Run", *headings], rows, style="numbers"),
            *map(paragraph, sentences),
        ]
    )


def _one(metric: Metric, one: RunContents) -> go.Figure:
    epochs = one.epochs
    validation = _values(one, f"val_{metric}")
    steps = _steps_per_epoch(one.run.experiment)
    batches = one.batches if steps else None
    return history_figure(
        history_curves(
            metric,
            epochs=[epoch.epoch for epoch in epochs],
            training=_values(one, metric),
            validation=None if np.isnan(validation).all() else validation,
            batch_epochs=() if batches is None else batches.steps / steps,
            batch_values=() if batches is None else getattr(batches, metric),
            best_epoch=one.run.best_epoch,
            stopped_early=one.run.stopped_early,
        )
    )


def _several(metric: Metric, contents: Sequence[RunContents]) -> go.Figure:
    made = []
    for one in contents:
        validation = _values(one, f"val_{metric}")
        made.append(
            RunCurve(
                name=one.name,
                epochs=np.array([epoch.epoch for epoch in one.epochs], np.int32),
                training=_values(one, metric),
                validation=None if np.isnan(validation).all() else validation,
                best_epoch=one.run.best_epoch,
                stopped_early=one.run.stopped_early,
            )
        )
    figure = history_comparison_figure(history_comparison(metric, made))
    return below(figure, len(made))


def _values(one: RunContents, field: str) -> np.ndarray:
    """float32; NaN where nothing was measured."""
    return np.array([getattr(epoch, field) for epoch in one.epochs], np.float32)


def _steps_per_epoch(experiment: Experiment) -> int:
    """How many batches an epoch has; 0 where the data has other sizes than it had."""
    try:
        return experiment.sizes(*set_sizes(experiment)).steps_per_epoch
    except CifarvizError:
        return 0
