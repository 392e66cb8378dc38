"""How sure a network is, against how often it is right."""

import numpy as np
import streamlit as st

from cifarviz.analysis.calibration import calibration, top_accuracy
from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.figures.percent import percent
from cifarviz.figures.reliability import Reliability, reliability_figure
from cifarviz.ui.accuracy_words import accuracy_figure
from cifarviz.ui.components.chart import chart
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.figure_row import Figure, figure_row

_HELP = (
    "A network that says 80% should be right in 80% of such cases. Bars below the dotted line: it "
    "is surer than it is right, as networks that have learned their training images by heart are. "
    "The whiskers are 95% intervals: where few images are, a bar may be off by chance."
)


def sureness(answered: Answered) -> None:
    """The reliability diagram beside a few figures."""
    evaluation = answered.evaluation
    labels, probabilities = evaluation.labels, evaluation.probabilities
    found = calibration(labels, probabilities)
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
        figure_row(
            [
                accuracy_figure(
                    f"Among its first {word}",
                    top_accuracy(labels, probabilities, first),
                    len(evaluation),
                    f"The share of images whose class is one of the {word} most probable.",
                )
                for first, word in ((2, "two"), (3, "three"))
            ]
        )
        figure_row(
            [
                Figure(
                    "Calibration error",
                    percent(found.error),
                    "How far sureness and accuracy lie apart, on average over the images: the "
                    "expected calibration error, with 15 bins (Guo et al., arXiv 1706.04599).",
                ),
                accuracy_figure(
                    "Accuracy",
                    evaluation.accuracy,
                    len(evaluation),
                    "The share of images whose class is the most probable.",
                ),
            ]
        )
