"""How sure a network is, against how often it is right."""

import streamlit as st

from cifarviz.analysis.calibration import accuracy_interval, calibration, top_accuracy
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.figures.reliability import Reliability, reliability_figure
from cifarviz.ui.components.chart import chart
from cifarviz.ui.figure_row import Figure, figure_row

_HELP = (
    "A network that says 80% should be right in 80% of such cases. Bars below the dotted line: it "
    "is surer than it is right, as networks that have learned their training images by heart are."
)


def sureness(evaluation: Evaluation, name: str) -> None:
    """The reliability diagram beside a few figures; ``name`` is what files are called."""
    labels, probabilities = evaluation.labels, evaluation.probabilities
    found = calibration(labels, probabilities)
    st.subheader("How sure it is, and how right", anchor="sure", help=_HELP)
    drawn, told = st.columns([3, 2], gap="medium")
    with drawn:
        chart(
            reliability_figure(Reliability(found.counts, found.confidence, found.accuracy)),
            key="evaluate-reliability",
            file_name=f"{name}-reliability",
            description="How often the network is right, by how sure it is",
        )
    with told:
        figure_row(
            [
                Figure(
                    "Among its first two",
                    f"{top_accuracy(labels, probabilities, 2):.1%}",
                    "The share of images whose class is one of the two most probable.",
                ),
                Figure(
                    "Among its first three",
                    f"{top_accuracy(labels, probabilities, 3):.1%}",
                    "The share of images whose class is one of the three most probable.",
                ),
            ]
        )
        figure_row(
            [
                Figure(
                    "Calibration error",
                    f"{found.error:.1%}",
                    "How far sureness and accuracy lie apart, on average over the images: the "
                    "expected calibration error, with 15 bins (Guo et al., arXiv 1706.04599).",
                ),
                Figure("Accuracy, 95%", interval_words(evaluation), _INTERVAL),
            ]
        )


_INTERVAL = (
    "Measured on other images of the same kind, as many, the accuracy would differ by chance. With "
    "95% confidence the true one lies in here (Wilson’s interval). It says nothing of what "
    "another seed of the training would give."
)


def interval_words(evaluation: Evaluation) -> str:
    """The 95 % interval of an accuracy: ``"76.5% to 78.2%"``."""
    low, high = accuracy_interval(evaluation.accuracy, len(evaluation))
    return f"{low:.1%} to {high:.1%}"
