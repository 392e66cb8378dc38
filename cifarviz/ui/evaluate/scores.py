"""Scores of each class, and calibration."""

import numpy as np
import pandas as pd
import streamlit as st

from cifarviz.analysis.calibration import compute_calibration, top_accuracy
from cifarviz.analysis.intervals import accuracy_interval, class_intervals
from cifarviz.analysis.tables import scores_table
from cifarviz.figures.percent import interval, percent
from cifarviz.figures.reliability import Reliability, reliability_figure
from cifarviz.figures.score_bars import score_bars, score_bars_figure
from cifarviz.live.items import Metric
from cifarviz.ui.components.chart import chart
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.evaluation import EvaluationView
from cifarviz.ui.metrics import accuracy_metric, render_metrics

_MEANINGS = {
    "precision": "Of the images that the network took for this class, the share that are of it.",
    "recall": "Of the images of this class, the share that the network recognised.",
    "f1": "Both in one: the harmonic mean of precision and recall.",
}
_INTERVAL = (
    "Where the {} lies with 95% confidence, had other images of the same kind been asked, as many "
    "(Wilson’s interval)."
)
_HELP = (
    "A network that says 80% should be right in 80% of such cases. Bars below the dotted line: it "
    "is surer than it is right, as networks that have learned their training images by heart are. "
    "The whiskers are 95% intervals: where few images are, a bar may be off by chance."
)


def class_scores(answered: EvaluationView) -> None:
    """The figure beside the table."""
    scores, name = answered.evaluation.per_class, f"{answered.name}-per-class"
    bounds = class_intervals(answered.evaluation.confusion)
    st.subheader(
        "How well each class is recognised",
        help="  \n".join(f"**{_title(key)}**: {words}" for key, words in _MEANINGS.items()),
    )
    drawn, listed = st.columns(2, gap="medium")
    with drawn:
        figure = score_bars(
            scores.classes,
            scores.precision,
            scores.recall,
            scores.f1,
            scores.support,
            precision_bounds=bounds.precision,
            recall_bounds=bounds.recall,
        )
        chart(
            score_bars_figure(figure),
            key="evaluate-scores",
            file_name=name,
            description="F1, precision and recall of each class",
        )
    with listed:
        frame = scores.to_frame()
        percent = frame.assign(**{key: 100 * frame[key] for key in _MEANINGS})
        for key, pairs in (("precision", bounds.precision), ("recall", bounds.recall)):
            words = [
                interval(float(pair[0]), float(pair[1]), 0) if known else "–"
                for pair, known in zip(pairs, frame[key].notna(), strict=True)
            ]
            place = list(percent.columns).index(key) + 1
            percent.insert(place, f"{key}_interval", pd.Series(words, frame.index))
        st.dataframe(
            percent,
            height="content",
            column_config={
                "class": st.column_config.TextColumn("Class"),
                **{
                    key: st.column_config.NumberColumn(_title(key), format="%.1f%%", help=words)
                    for key, words in _MEANINGS.items()
                },
                **{
                    f"{key}_interval": st.column_config.TextColumn(
                        "its 95%", help=_INTERVAL.format(key)
                    )
                    for key in ("precision", "recall")
                },
                "support": st.column_config.NumberColumn(
                    "Images", help="Number of images of this class."
                ),
            },
        )
        csv_button(
            "Save the scores as CSV",
            lambda: scores_table(answered.evaluation),
            name,
            "The table as a file for a spreadsheet, with all digits.",
        )


def _title(key: str) -> str:
    return "F1" if key == "f1" else key.capitalize()


def render_calibration(answered: EvaluationView) -> None:
    """The reliability diagram beside a few figures."""
    evaluation = answered.evaluation
    labels, probabilities = evaluation.labels, evaluation.probabilities
    found = compute_calibration(labels, probabilities)
    bounds = np.array(
        [
            accuracy_interval(float(np.nan_to_num(share)), int(count))
            for share, count in zip(found.accuracy, found.counts, strict=True)
        ]
    )
    st.subheader("How sure it is, and how right", anchor="sure", help=_HELP)
    drawn, told = st.columns([3, 2], gap="medium")
    with drawn:
        chart(
            reliability_figure(Reliability(found.counts, found.confidence, found.accuracy, bounds)),
            key="evaluate-reliability",
            file_name=f"{answered.name}-reliability",
            description="How often the network is right, by how sure it is",
        )
    with told:
        render_metrics(
            [
                accuracy_metric(
                    f"Among its first {word}",
                    top_accuracy(labels, probabilities, first),
                    len(evaluation),
                    f"The share of images whose class is one of the {word} most probable.",
                )
                for first, word in ((2, "two"), (3, "three"))
            ]
        )
        render_metrics(
            [
                Metric(
                    "Calibration error",
                    percent(found.error),
                    "How far sureness and accuracy lie apart, on average over the images: the "
                    "expected calibration error, with 15 bins (Guo et al., arXiv 1706.04599).",
                ),
                accuracy_metric(
                    "Accuracy",
                    evaluation.accuracy,
                    len(evaluation),
                    "The share of images whose class is the most probable.",
                ),
            ]
        )
