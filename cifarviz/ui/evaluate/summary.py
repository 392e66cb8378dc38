"""Accuracy, loss and the commonest mistake, and which images they were measured on."""

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.data.datasets import DatasetInfo
from cifarviz.experiment.choices import TestValidation
from cifarviz.runs.records import Run
from cifarviz.ui.evaluate.cell import commonest_mistake


def summary(run: Run, evaluation: Evaluation, info: DatasetInfo) -> None:
    """A row of figures, with a sentence on where they come from."""
    accuracy, loss, images, mistake = st.columns([1, 1, 1, 2])
    accuracy.metric(
        "Accuracy",
        f"{evaluation.accuracy:.1%}",
        help="The share of the test images whose class the network found.",
    )
    loss.metric(
        "Loss",
        f"{evaluation.loss:.3f}",
        help="Mean cross-entropy over the test images: 0 is perfect, and giving each of ten "
        "classes the same probability costs 2.303.",
    )
    images.metric(
        "Test images",
        f"{len(evaluation):,}",
        help="Images that are not among those the network learns from.",
    )
    worst = commonest_mistake(evaluation.confusion)
    if worst is not None:
        actual, predicted = (evaluation.classes[index] for index in worst)
        mistake.metric(
            "Most frequent mistake",
            f"{actual} → {predicted}, {evaluation.confusion[worst]:,} times",
            help="The largest number in the confusion matrix beside its diagonal.",
        )
    st.caption(" ".join(_sentences(run, evaluation, info)))


def _sentences(run: Run, evaluation: Evaluation, info: DatasetInfo) -> list[str]:
    sentences = [f"Measured on {_images_words(run, len(evaluation), info)}."]
    if isinstance(run.experiment.validation, TestValidation):
        sentences.append(
            "They were this run's validation images too: it did not learn from them, but whoever "
            "chose by them has seen the answers."
        )
    if run.state.active:
        sentences.append("The run is still training: reload the page to measure newer weights.")
    return sentences


def _images_words(run: Run, count: int, info: DatasetInfo) -> str:
    if run.experiment.data.variant == "full":
        return (
            f"all {count:,} test images of {info.title}, since the run was trained on the full set"
        )
    return (
        f"the {count:,} test images of the embedded {info.title} sample, since the run was trained "
        "on the sample"
    )
