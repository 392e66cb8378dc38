"""The Evaluate page: a network's predictions, part by part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Literal, NamedTuple

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import LearningProgress
from cifarviz.analysis.members import Member
from cifarviz.analysis.tables import history_table
from cifarviz.data.image_set import Dataset
from cifarviz.errors import CifarvizError
from cifarviz.experiment.choices import TestValidation
from cifarviz.live.items import Metric
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.earlier_losses import EXPLANATION, earlier_losses, has_exact_loss
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.stored_weights import weights_position
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.epoch_scrubber import epoch_from_query, epoch_slider_container, render_epoch_slider
from cifarviz.ui.errors import render_errors
from cifarviz.ui.evaluate.comparison import render_comparison
from cifarviz.ui.evaluate.evaluation import (
    EvaluatedImages,
    EvaluationView,
    evaluation_job,
    load_learning,
    stored_evaluation,
    wait_for_evaluation,
)
from cifarviz.ui.evaluate.galleries import GALLERY_PARAMS, render_gallery, render_random_images
from cifarviz.ui.evaluate.matrix import (
    CELL_PARAMS,
    cell_in_address,
    most_frequent_mistake,
    render_cell_images,
    render_cell_menus,
    render_matrix,
)
from cifarviz.ui.evaluate.scores import render_calibration, render_class_scores
from cifarviz.ui.metrics import accuracy_metric, loss_note, render_metrics
from cifarviz.ui.navigation import ViewEntry, render_title_and_views
from cifarviz.ui.query import render_choice

NETWORK_PARAMS = (*GALLERY_PARAMS, "with", "side")
"""Query parameters that belong to one network."""
PartName = Literal["classes", "sure", "pictures", "random", "compare"]


class Part(NamedTuple):
    """A part of the page below the matrix; the address holds its name as ``part``.

    An address with one of ``params`` opens this part without naming it.
    """

    title: str
    render: Callable[[EvaluationView], None]
    params: tuple[str, ...] = ()


_PARTS: Mapping[PartName, Part] = {
    "classes": Part("Each class", render_class_scores),
    "sure": Part("Calibration", render_calibration),
    "pictures": Part("Galleries", render_gallery, ("gallery", "of", *GALLERY_PARAMS)),
    "random": Part("Random images", render_random_images, ("seed",)),
    "compare": Part("Compare with another run", render_comparison, ("with", "side")),
}

# The first that an address implies, where several would do: a comparison has pictures, too.
_IMPLIED: tuple[PartName, ...] = ("compare", "pictures", "random")
View = Literal["network", "ensemble", "map", "doubts"]
_VIEWS: Mapping[View, ViewEntry] = {
    "network": ViewEntry("One network", "grid_on"),
    "ensemble": ViewEntry("Ensemble", "how_to_vote"),
    "map": ViewEntry("Map", "scatter_plot"),
    "doubts": ViewEntry("Label doubts", "label_off"),
}


def choose_view() -> View:
    """Show title and switch, and return the view of the address, else that of one network."""
    return render_title_and_views(
        "Evaluate",
        _VIEWS,
        key="evaluate-view",
        problem=lambda word: f"Evaluate has no view {word}: the view of one network is shown.",
        # They mean another thing in the other views.
        forget=(*CELL_PARAMS, *GALLERY_PARAMS),
    )


def render_evaluation(view: EvaluationView) -> None:
    """Show the matrix with the images of a cell, and below it the part that is chosen."""
    evaluation, info = view.evaluation, view.images.info
    cell = cell_in_address(evaluation, info)
    matrix, images = st.columns([6, 5], gap="medium")
    with matrix, render_errors():
        render_matrix(view, cell)
    with images, render_errors():
        render_cell_menus(cell, info)
        render_cell_images(cell, view)
    with render_errors():
        _pick_part().render(view)


def _pick_part() -> Part:
    implied = (
        name for name in _IMPLIED if any(param in st.query_params for param in _PARTS[name].params)
    )
    usual: PartName = next(implied, "classes")
    chosen = render_choice(
        "part",
        "Details",
        {name: part.title for name, part in _PARTS.items()},
        key="evaluate-part",
        hint="Scores of each class, confidence against accuracy, images by what the network makes "
        "of them, random images, and differences from another network.",
        problem=lambda word: f"There is no part {word} here. Choose from {', '.join(_PARTS)}.",
        forget=GALLERY_PARAMS,
        usual=usual,
    )
    return _PARTS[chosen]


def evaluate_checkpoint(run: Run, checkpoint: Checkpoint, dataset: Dataset) -> None:
    """Show everything about one checkpoint."""
    about = st.empty()
    evaluation = wait_for_evaluation(evaluation_job(run, checkpoint, dataset))
    if evaluation is None:
        return
    info, count = dataset.info, len(evaluation)
    evaluation = evaluation.renamed(class_names(info))
    position = weights_position(cache.store(), run, checkpoint)
    noun = "sample images" if count < info.test_images else "images"
    _render_metrics(
        evaluation, "test image", evaluation.loss, f"test ({count:,} {noun}), {position}"
    )
    images = f"the {count:,} test images of the embedded {info.title} sample"
    if run.experiment.data.variant == "sample":
        images += ", since the run was trained on the sample"
    elif count == info.test_images:
        images = (
            f"all {count:,} test images of {info.title}, since the run was trained on the full set"
        )
    sentences = [f"Measured {position} on {images}."]
    if others := run.experiment.prediction_views.describe_others():
        sentences.append(f"Predictions are averaged over each image and {others}.")
    if isinstance(run.experiment.validation, TestValidation):
        sentences.append(
            "These are also this run's validation images: it did not learn from them, but any "
            "choice made by validation results depends on them."
        )
    if run.state.active:
        sentences.append("The run is still training: reload the page to measure newer weights.")
    about.markdown(" ".join(sentences))
    render_evaluation(
        EvaluationView(
            evaluation,
            EvaluatedImages(dataset.test, "test", info),
            Member(run, checkpoint),
            f"{run.id}-{checkpoint}",
            matrix_view=f"{run.id} {checkpoint}",
            query_params={"run": run.id, "checkpoint": checkpoint},
            order_evaluation=lambda: evaluation,
        )
    )


def _render_metrics(evaluation: Evaluation, noun: str, loss: float | None, source: str) -> None:
    """Show a row of metrics; ``noun`` is what an image is called, ``loss`` may be unknown.

    ``source`` tells below the accuracy on which images it was measured, and after which epoch.
    """
    classes = len(evaluation.classes)
    accuracy = accuracy_metric(
        "Accuracy",
        evaluation.accuracy,
        len(evaluation),
        f"Share of the {noun}s whose class the network predicts.",
    )
    metrics = [
        replace(accuracy, note=f"{source}; 95%: {accuracy.note}"),
        Metric(
            "Loss",
            "–" if loss is None else f"{loss:.3f}",
            f"Mean cross-entropy over the {noun}s. 0 is perfect; the same probability for each of "
            f"{classes} classes has {log(classes):.3f}.",
        ),
        Metric(
            f"{noun.capitalize()}s",
            f"{len(evaluation):,}",
            "Images that the network did not learn from.",
        ),
    ]
    mistake = most_frequent_mistake(evaluation.confusion)
    if mistake is not None:
        actual, predicted = (evaluation.classes[index] for index in mistake)
        count = int(evaluation.confusion[mistake])
        times = "once" if count == 1 else f"{count:,} times"
        metrics.append(
            Metric(
                "Most frequent mistake",
                escaped(f"{actual} → {predicted}, {times}"),
                "The largest number off the diagonal of the confusion matrix.",
            )
        )
    render_metrics(metrics, widths=(1, 1, 1, 2)[: len(metrics)])


def evaluate_epochs(
    run: Run, dataset: Dataset, predicted: Sequence[int], weights: Mapping[int, WeightsChoice]
) -> None:
    """Show matrix, images and scores of the epoch on the slider.

    ``predicted`` are the epochs with saved predictions. Without any, the saved ``weights`` are
    evaluated on the test images.
    """
    epochs = list(predicted) or list(weights)
    slider = epoch_slider_container()
    with slider:
        epoch = epoch_from_query(epochs)
    with render_errors():
        if predicted:
            _render_stored_predictions(run, dataset, epochs, epoch)
        else:
            _render_weights(run, dataset, weights, epoch)
    # Also where this epoch's file is damaged: another may be intact.
    render_epoch_slider(slider, run, epochs, epoch)


def _render_stored_predictions(
    run: Run, dataset: Dataset, epochs: Sequence[int], epoch: int
) -> None:
    evaluation, images = stored_evaluation(run.id, epoch, dataset)
    history = {record.epoch: record for record in cache.store().epochs(run.id)}
    # The loss of the saved predictions is rounded, and may be of a part of the images.
    loss = history[epoch].val_loss if epoch in history else None
    count = len(evaluation) + images.missing
    source = (
        f"the {count:,} validation images held out from training"
        if images.split == "train"
        else f"the {count:,} test images, on which this run was validated"
    )
    sentences = [
        f"Predictions for {source}, after epoch {epoch}, as saved during training.",
    ]
    if images.missing:
        sentences.append(
            f"Shown are the {len(evaluation):,} in the embedded sample; only the loss is over all."
        )
    if not has_exact_loss(run, epoch):
        sentences.append(loss_note(run))

    def newest() -> Evaluation:
        for saved in reversed(epochs):
            try:
                return stored_evaluation(run.id, saved, dataset)[0]
            except CifarvizError:
                # Damaged: the next newest will do.
                continue
        return evaluation

    _render_epoch(
        run,
        epoch,
        evaluation,
        images,
        newest=newest,
        loss=loss,
        caption=" ".join(sentences),
        learning=load_learning(run.id, tuple(epochs), dataset),
    )


def _render_weights(
    run: Run, dataset: Dataset, weights: Mapping[int, WeightsChoice], epoch: int
) -> None:
    def evaluate(epoch: int) -> Evaluation | None:
        job = evaluation_job(run, weights[epoch], dataset)
        return wait_for_evaluation(job, f"The network after epoch {epoch}")

    evaluation = evaluate(epoch)
    if evaluation is None:
        return
    _render_epoch(
        run,
        epoch,
        evaluation,
        EvaluatedImages(dataset.test, "test", dataset.info),
        newest=lambda: evaluate(max(weights)) or evaluation,
        loss=evaluation.loss,
        caption=f"Predictions for the {len(evaluation):,} test images by the weights after epoch "
        f"{epoch}. This run saved no predictions during training, and weights of some epochs only.",
    )


def _render_epoch(
    run: Run,
    epoch: int,
    evaluation: Evaluation,
    images: EvaluatedImages,
    *,
    newest: Callable[[], Evaluation],
    loss: float | None,
    caption: str,
    learning: LearningProgress | None = None,
) -> None:
    evaluation = evaluation.renamed(class_names(images.info))
    role = "validation" if images.split == "train" else "test"
    noun = "sample images" if images.missing else "images"
    source = f"{role} ({len(evaluation):,} {noun}), after epoch {epoch}"
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.markdown(caption, help=EXPLANATION if earlier_losses(run) else None)
    with right:
        csv_button(
            "History as CSV",
            lambda: history_table(cache.store().epochs(run.id), run),
            f"{run.id}-history",
            "Saves loss and accuracy after each epoch as a spreadsheet file.",
        )
    _render_metrics(evaluation, images.noun, loss, source)
    render_evaluation(
        EvaluationView(
            evaluation,
            images,
            Member(run, epoch),
            f"{run.id}-epoch-{epoch}",
            matrix_view=f"{run.id} epochs",
            query_params={"run": run.id, "checkpoint": "epochs", "epoch": str(epoch)},
            order_evaluation=newest,
            epoch=epoch,
            learning=learning,
        )
    )
