"""Loss and accuracy over the epochs: charts, and the gap in numbers."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cifarviz.analysis.overfitting import VERDICT_LABELS, Fit, judge_run
from cifarviz.errors import CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import set_sizes
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.markup import Chart, Html, below, joined, paragraph, table
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.theme import METRIC_TITLES, MetricName
from cifarviz.runs.earlier_losses import EXPLANATION, earlier_losses, losses_words
from cifarviz.runs.records import Epoch

_HEIGHT = 280
_METRICS: tuple[MetricName, ...] = ("loss", "accuracy")


def curves(contents: Sequence[RunContents], chart: Chart) -> list[Html]:
    """Both charts; a run alone shows its batches, several are drawn over each other."""
    shown = [one for one in contents if one.epochs]
    if not shown:
        return [paragraph("No epoch was finished, so there are no curves.")]
    parts = []
    for metric in _METRICS:
        figure = _run_figure(metric, shown[0]) if len(contents) == 1 else _several(metric, shown)
        title = METRIC_TITLES[metric]
        names = ", ".join(one.name for one in shown)
        parts.append(chart(figure, metric, f"{title} of {names} by epoch"))
    return parts


def gap_table(contents: Sequence[RunContents]) -> Html:
    """Training and validation where validation loss was lowest, or at the best epoch, and last.

    With the verdict of each run (analysis/overfitting.py).
    """
    rows, sentences = [], []
    for one in contents:
        fit = judge_run(one.run, one.epochs)
        for when, epoch in _telling_epochs(one, fit):
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
            rows.append(row if len(contents) == 1 else [one.name, *row])
        words = VERDICT_LABELS[fit.verdict]
        said = f"{words[0].upper()}{words[1:]}: {fit.reason}"
        sentences.append(said if len(contents) == 1 else f"{one.name}: {said}")
        if earlier_losses(one.run) is not None:
            whose = "Losses" if len(contents) == 1 else f"{one.name}: losses"
            sentences.append(f"{whose}: {losses_words(one.run)}. {EXPLANATION}")
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


def _telling_epochs(one: RunContents, fit: Fit) -> list[tuple[str, Epoch]]:
    if not one.epochs:
        return []
    last, best = one.epochs[-1], fit.overfitting_start or one.run.best_epoch
    name = "best epoch" if fit.overfitting_start is None else "lowest validation loss"
    if best == last.epoch:
        return [(f"{name} and last", last)]
    earlier = [(name, epoch) for epoch in one.epochs if epoch.epoch == best]
    return [*earlier, ("last epoch", last)]


def _run_figure(metric: MetricName, one: RunContents) -> go.Figure:
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
            overfitting_start=_overfitting_start(one),
            rates=_values(one, "learning_rate"),
        )
    )


def _overfitting_start(one: RunContents) -> int | None:
    return judge_run(one.run, one.epochs).overfitting_start


def _several(metric: MetricName, contents: Sequence[RunContents]) -> go.Figure:
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
                overfitting_start=_overfitting_start(one),
                rates=_values(one, "learning_rate"),
            )
        )
    figure = history_comparison_figure(history_comparison(metric, made))
    marks = sum(trace.legendgroup == "marks" for trace in figure.data)
    # Low, so that something follows the first chart on the first page of a printed report.
    return below(figure, len(made) + max(0, marks - 1), height=_HEIGHT)


def _values(one: RunContents, field: str) -> np.ndarray:
    """float32; NaN where nothing was measured."""
    return np.array([getattr(epoch, field) for epoch in one.epochs], np.float32)


def _steps_per_epoch(experiment: Experiment) -> int:
    """How many batches an epoch has; 0 where the data has other sizes than it had."""
    try:
        return experiment.sizes(*set_sizes(experiment)).steps_per_epoch
    except CifarvizError:
        return 0
