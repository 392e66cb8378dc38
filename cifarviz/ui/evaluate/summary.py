"""Accuracy, loss and the commonest mistake, and which images they were measured on."""

from math import log

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.datasets.info import DatasetInfo
from cifarviz.experiment.choices import TestValidation
from cifarviz.runs.kept_weights import WeightsPosition
from cifarviz.runs.records import Run
from cifarviz.ui.accuracy_words import accuracy_figure
from cifarviz.ui.address import escaped
from cifarviz.ui.evaluate.cell import commonest_mistake
from cifarviz.ui.figure_row import Figure, figure_row


def summary(run: Run, evaluation: Evaluation, info: DatasetInfo, position: WeightsPosition) -> None:
    """A row of figures, with a sentence on where they come from.

    ``position`` is where the weights stand that were evaluated.
    """
    images = "sample images" if len(evaluation) < info.test_images else "images"
    source = f"test ({len(evaluation):,} {images}), {position}"
    show_figures(evaluation, "test image", evaluation.loss, source)
    st.caption(" ".join(_sentences(run, evaluation, info, position)))


def show_figures(evaluation: Evaluation, noun: str, loss: float | None, source: str) -> None:
    """A row of figures; ``noun`` is one of the images, ``loss`` is ``None`` if it is not known.

    ``source`` says below the accuracy on which images it was measured, and after which epoch.
    """
    classes = len(evaluation.classes)
    accuracy = accuracy_figure(
        "Accuracy",
        evaluation.accuracy,
        len(evaluation),
        f"The share of the {noun}s whose class the network found.",
    )
    figures = [
        accuracy._replace(beside=f"{source}; 95%: {accuracy.beside}"),
        Figure(
            "Loss",
            "–" if loss is None else f"{loss:.3f}",
            f"Mean cross-entropy over the {noun}s: 0 is perfect, and giving each of {classes} "
            f"classes the same probability costs {log(classes):.3f}.",
        ),
        Figure(
            f"{noun.capitalize()}s",
            f"{len(evaluation):,}",
            "Images that are not among those the network learns from.",
        ),
    ]
    worst = commonest_mistake(evaluation.confusion)
    if worst is not None:
        actual, predicted = (evaluation.classes[index] for index in worst)
        count = int(evaluation.confusion[worst])
        times = "once" if count == 1 else f"{count:,} times"
        figures.append(
            Figure(
                "Most frequent mistake",
                escaped(f"{actual} → {predicted}, {times}"),
                "The largest number in the confusion matrix beside its diagonal.",
            )
        )
    figure_row(figures, widths=(1, 1, 1, 2)[: len(figures)], level=4)


def _sentences(
    run: Run, evaluation: Evaluation, info: DatasetInfo, position: WeightsPosition
) -> list[str]:
    images = _images_words(run, len(evaluation), info)
    sentences = [f"Measured {position} on {images}."]
    if isinstance(run.experiment.validation, TestValidation):
        sentences.append(
            "They were this run's validation images too: it did not learn from them, but whoever "
            "chose by them has seen the answers."
        )
    if run.state.active:
        sentences.append("The run is still training: reload the page to measure newer weights.")
    return sentences


def _images_words(run: Run, count: int, info: DatasetInfo) -> str:
    if run.experiment.data.variant == "full" and count < info.test_images:
        return f"the {count:,} test images of the embedded {info.title} sample"
    if run.experiment.data.variant == "full":
        return (
            f"all {count:,} test images of {info.title}, since the run was trained on the full set"
        )
    return (
        f"the {count:,} test images of the embedded {info.title} sample, since the run was trained "
        "on the sample"
    )
