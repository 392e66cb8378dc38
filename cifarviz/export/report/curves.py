"""Loss and accuracy by epoch: charts, and the gap between training and validation."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cifarviz.analysis.overfitting import VERDICT_LABELS, Fit, judge_run
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.markup import Chart, Html, joined, paragraph, place_legend_below, table
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.theme import METRIC_TITLES, MetricName
from cifarviz.runs.earlier_losses import EXPLANATION, earlier_losses, losses_text
from cifarviz.runs.records import Epoch, Run

_HEIGHT = 280
_METRICS: tuple[MetricName, ...] = ("loss", "accuracy")


def curves(contents: Sequence[RunContents], chart: Chart) -> list[Html]:
    """Return the charts of loss and accuracy; for a single run with its batches."""
    trained = [item for item in contents if item.epochs]
    if not trained:
        return [paragraph("There are no curves because no epoch has finished.")]
    parts = []
    for metric in _METRICS:
        figure = (
            _run_figure(metric, trained[0])
            if len(contents) == 1
            else _comparison_figure(metric, trained)
        )
        title = METRIC_TITLES[metric]
        names = ", ".join(item.name for item in trained)
        parts.append(chart(figure, metric, f"{title} of {names} by epoch"))
    return parts


def gap_table(contents: Sequence[RunContents]) -> Html:
    """Return training and validation results at two epochs, and the verdict on each run.

    The epochs are the last and that of the lowest validation loss, or else the best epoch.
    The verdicts are explained in analysis/overfitting.py.
    """
    rows, sentences = [], []
    for item in contents:
        fit = judge_run(item.run, item.epochs)
        for when, epoch in _compared_epochs(item, fit):
            if epoch.val_loss is None or epoch.val_accuracy is None:
                continue
            row = [
                f"{epoch.epoch} ({when})",
                f"{epoch.loss:.4f}",
                f"{epoch.val_loss:.4f}",
                f"{epoch.val_loss - epoch.loss:+.4f}",
                f"{epoch.accuracy:.1%}",
                f"{epoch.val_accuracy:.1%}",
                f"{100 * (epoch.accuracy - epoch.val_accuracy):+.1f}",
            ]
            rows.append(row if len(contents) == 1 else [item.name, *row])
        prefix = "" if len(contents) == 1 else f"{item.name}: "
        verdict = VERDICT_LABELS[fit.verdict]
        sentences.append(f"{prefix}{verdict[0].upper()}{verdict[1:]}: {fit.reason}")
        if earlier_losses(item.run) is not None:
            sentences.append(f"{prefix}Losses: {losses_text(item.run)}. {EXPLANATION}")
    if not rows:
        return paragraph(
            "Without validation images there is no gap between training and validation to measure."
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


def _compared_epochs(item: RunContents, fit: Fit) -> list[tuple[str, Epoch]]:
    if not item.epochs:
        return []
    last, best = item.epochs[-1], fit.overfitting_start or item.run.best_epoch
    name = "best epoch" if fit.overfitting_start is None else "lowest validation loss"
    if best == last.epoch:
        return [(f"{name} and last", last)]
    earlier = [(name, epoch) for epoch in item.epochs if epoch.epoch == best]
    return [*earlier, ("last epoch", last)]


def _run_figure(metric: MetricName, item: RunContents) -> go.Figure:
    epochs = item.epochs
    validation = _values(item, f"val_{metric}")
    steps = _steps_per_epoch(item.run)
    batches = item.batches if steps else None
    return history_figure(
        history_curves(
            metric,
            epochs=[epoch.epoch for epoch in epochs],
            training=_values(item, metric),
            validation=None if np.isnan(validation).all() else validation,
            batch_epochs=() if batches is None else batches.steps / steps,
            batch_values=() if batches is None else getattr(batches, metric),
            best_epoch=item.run.best_epoch,
            stopped_early=item.run.stopped_early,
            overfitting_start=_overfitting_start(item),
            rates=_values(item, "learning_rate"),
        )
    )


def _overfitting_start(item: RunContents) -> int | None:
    return judge_run(item.run, item.epochs).overfits_after


def _comparison_figure(metric: MetricName, contents: Sequence[RunContents]) -> go.Figure:
    run_curves = []
    for item in contents:
        validation = _values(item, f"val_{metric}")
        run_curves.append(
            RunCurve(
                name=item.name,
                epochs=np.array([epoch.epoch for epoch in item.epochs], np.int32),
                training=_values(item, metric),
                validation=None if np.isnan(validation).all() else validation,
                best_epoch=item.run.best_epoch,
                stopped_early=item.run.stopped_early,
                overfitting_start=_overfitting_start(item),
                rates=_values(item, "learning_rate"),
            )
        )
    figure = history_comparison_figure(history_comparison(metric, run_curves))
    marks = sum(trace.legendgroup == "marks" for trace in figure.data)
    # Low charts, so that the table fits on the first page of a printed report, too.
    return place_legend_below(figure, len(run_curves) + max(0, marks - 1), height=_HEIGHT)


def _values(item: RunContents, field: str) -> np.ndarray:
    """Return a field of all epochs, float32; NaN where it was not measured."""
    return np.array([getattr(epoch, field) for epoch in item.epochs], np.float32)


def _steps_per_epoch(run: Run) -> int:
    """Return the batches per epoch; 0 if they are unknown."""
    return -(-(run.train_images or 0) // run.experiment.batch_size)
