"""Scores of each class, and calibration."""

import numpy as np
import pandas as pd
import streamlit as st

from cifarviz.analysis.calibration import compute_calibration, top_accuracy
from cifarviz.analysis.intervals import accuracy_interval, class_intervals
from cifarviz.analysis.tables import scores_table
from cifarviz.figures.percent import format_bounds, format_percent
from cifarviz.figures.reliability import Reliability, reliability_figure
from cifarviz.figures.score_bars import score_bars, score_bars_figure
from cifarviz.live.items import Metric
from cifarviz.ui.components.chart import chart
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.evaluation import EvaluationView
from cifarviz.ui.metrics import accuracy_metric, render_metrics

_MEANINGS = {
    "precision": "Share of the images predicted as this class that are of this class.",
    "recall": "Share of the images of this class that were recognised.",
    "f1": "The harmonic mean of precision and recall.",
}
_INTERVALS = {
    "precision": "95% interval of the precision, for as many other images of the same kind "
    "(Wilson’s interval).",
    "recall": "95% interval of the recall, for as many other images of the same kind (Wilson’s "
    "interval).",
}
_CALIBRATION_HELP = (
    "A network that predicts with 80% probability should be right in 80% of such cases. Bars below "
    "the dotted line: it is overconfident, as networks that memorised their training images are. "
    "Whiskers are 95% intervals: with few images, a bar may be off by chance."
)


def render_class_scores(view: EvaluationView) -> None:
    """Show precision, recall and F1 of each class, as a chart and as a table."""
    scores, name = view.evaluation.per_class, f"{view.file_name}-per-class"
    bounds = class_intervals(view.evaluation.confusion)
    st.header(
        "Scores of each class",
        help="  \n".join(f"**{_title(key)}**: {text}" for key, text in _MEANINGS.items()),
    )
    left, right = st.columns(2, gap="medium")
    with left:
        chart(
            score_bars_figure(
                score_bars(
                    scores.classes,
                    scores.precision,
                    scores.recall,
                    scores.f1,
                    scores.support,
                    precision_bounds=bounds.precision,
                    recall_bounds=bounds.recall,
                )
            ),
            key="evaluate-scores",
            file_name=name,
            description="F1, precision and recall of each class",
        )
    with right:
        frame = scores.to_frame()
        table = frame.assign(**{key: 100 * frame[key] for key in _MEANINGS})
        for key, pairs in (("precision", bounds.precision), ("recall", bounds.recall)):
            texts = [
                format_bounds(float(low), float(high), 0) if known else "–"
                for (low, high), known in zip(pairs, frame[key].notna(), strict=True)
            ]
            place = list(table.columns).index(key) + 1
            table.insert(place, f"{key}_interval", pd.Series(texts, frame.index))
        st.dataframe(
            table,
            height="content",
            column_config={
                "class": st.column_config.TextColumn("Class"),
                **{
                    key: st.column_config.NumberColumn(_title(key), format="%.1f%%", help=text)
                    for key, text in _MEANINGS.items()
                },
                **{
                    f"{key}_interval": st.column_config.TextColumn("95% interval", help=text)
                    for key, text in _INTERVALS.items()
                },
                "support": st.column_config.NumberColumn(
                    "Images", help="Number of images of this class."
                ),
            },
        )
        csv_button(
            "Save the scores as CSV",
            lambda: scores_table(view.evaluation),
            name,
            "Saves the table with all digits as a spreadsheet file.",
        )


def _title(key: str) -> str:
    return "F1" if key == "f1" else key.capitalize()


def render_calibration(view: EvaluationView) -> None:
    """Show the reliability diagram, top-k accuracies and the calibration error."""
    evaluation = view.evaluation
    labels, probabilities = evaluation.labels, evaluation.probabilities
    bins = compute_calibration(labels, probabilities)
    bounds = np.array(
        [
            accuracy_interval(float(np.nan_to_num(share)), int(count))
            for share, count in zip(bins.accuracy, bins.counts, strict=True)
        ]
    )
    st.header("Calibration", anchor="sure", help=_CALIBRATION_HELP)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart(
            reliability_figure(Reliability(bins.counts, bins.confidence, bins.accuracy, bounds)),
            key="evaluate-reliability",
            file_name=f"{view.file_name}-reliability",
            description="Accuracy by the confidence of the network",
        )
    with right:
        render_metrics(
            [
                accuracy_metric(
                    f"Top-{first} accuracy",
                    top_accuracy(labels, probabilities, first),
                    len(evaluation),
                    f"Share of images whose class is among the {first} most probable.",
                )
                for first in (2, 3)
            ]
        )
        render_metrics(
            [
                Metric(
                    "Calibration error",
                    format_percent(bins.error),
                    "Mean difference between confidence and accuracy: the expected calibration "
                    "error, with 15 bins (Guo et al., arXiv 1706.04599).",
                ),
                accuracy_metric(
                    "Accuracy",
                    evaluation.accuracy,
                    len(evaluation),
                    "Share of images whose class is the most probable.",
                ),
            ]
        )
