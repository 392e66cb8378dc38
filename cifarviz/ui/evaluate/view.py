"""The Evaluate page: one network's predictions, part by part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import log
from types import MappingProxyType
from typing import Literal

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import LearningProgress
from cifarviz.analysis.members import Member
from cifarviz.analysis.tables import history_table
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import CifarvizError
from cifarviz.experiment.choices import TestValidation
from cifarviz.live.items import Metric
from cifarviz.runs.earlier_losses import EXPLANATION, earlier_losses, has_exact_loss
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.stored_weights import WeightsPosition
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.epoch_scrubber import epoch_from_query, epoch_scrubber, epoch_slider_container
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.comparison import comparison
from cifarviz.ui.evaluate.evaluation import (
    EvaluatedImages,
    EvaluationView,
    evaluation_job,
    kept_answers,
    learning_over,
    wait_for,
)
from cifarviz.ui.evaluate.galleries import PICTURE, galleries, random_ten
from cifarviz.ui.evaluate.matrix import (
    cell_images,
    cell_in_address,
    cell_menus,
    clickable_matrix,
    commonest_mistake,
)
from cifarviz.ui.evaluate.scores import class_scores, render_calibration
from cifarviz.ui.metrics import accuracy_metric, loss_note, render_metrics
from cifarviz.ui.navigation import ViewEntry, render_title_and_views
from cifarviz.ui.query import render_choice

Part = Literal["classes", "sure", "pictures", "random", "compare"]
OWN = (*PICTURE, "with", "side")
"""What in the address makes sense for one network only."""
_TITLES: Mapping[Part, str] = MappingProxyType(
    {
        "classes": "Each class",
        "sure": "How sure it is",
        "pictures": "Pictures",
        "random": "Ten at random",
        "compare": "Beside another",
    }
)
_SHOW: Mapping[Part, Callable[[EvaluationView], None]] = MappingProxyType(
    {
        "classes": class_scores,
        "sure": render_calibration,
        "pictures": galleries,
        "random": random_ten,
        "compare": comparison,
    }
)

# What else in the address is of one part: a link that holds it means that part.
_IMPLIED: Mapping[str, Part] = MappingProxyType(
    {
        "with": "compare",
        "side": "compare",
        "gallery": "pictures",
        "of": "pictures",
        "picture": "pictures",
        "sheet": "pictures",
        "seed": "random",
    }
)
View = Literal["network", "ensemble"]
_VIEWS: Mapping[View, ViewEntry] = MappingProxyType(
    {
        "network": ViewEntry("One network", "grid_on"),
        "ensemble": ViewEntry("Ensemble", "how_to_vote"),
    }
)

# What in the address means one thing in one view and another, or none, in the other.
_OF_ONE_VIEW = ("image", "page")


def part(answered: EvaluationView) -> None:
    """Show the switch and the part that is chosen; the address holds it as ``part``."""
    usual: Part = next(
        (which for name, which in _IMPLIED.items() if name in st.query_params), "classes"
    )
    chosen = render_choice(
        "part",
        "More about these answers",
        _TITLES,
        key="evaluate-part",
        hint="Scores of each class; the network's own doubts against its mistakes; its oddest "
        "pictures; some drawn at random; and where it differs from another network.",
        problem=lambda word: f"There is no part {word} here: it is {', '.join(_TITLES)}.",
        forget=PICTURE,
        usual=usual,
    )
    _SHOW[chosen](answered)


def show_answered(answered: EvaluationView) -> None:
    """The matrix with the pictures of a cell, and below it the part that is chosen."""
    evaluation, asked = answered.evaluation, answered.asked
    cell = cell_in_address(evaluation, asked.info)
    matrix, images = st.columns([6, 5], gap="medium")
    with matrix, errors_shown():
        clickable_matrix(answered, cell)
    with images, errors_shown():
        cell_menus(cell, asked.info)
        cell_images(cell, answered)
    with errors_shown():
        part(answered)


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
    accuracy = accuracy_metric(
        "Accuracy",
        evaluation.accuracy,
        len(evaluation),
        f"The share of the {noun}s whose class the network found.",
    )
    figures = [
        replace(accuracy, note=f"{source}; 95%: {accuracy.note}"),
        Metric(
            "Loss",
            "–" if loss is None else f"{loss:.3f}",
            f"Mean cross-entropy over the {noun}s: 0 is perfect, and giving each of {classes} "
            f"classes the same probability costs {log(classes):.3f}.",
        ),
        Metric(
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
            Metric(
                "Most frequent mistake",
                escaped(f"{actual} → {predicted}, {times}"),
                "The largest number in the confusion matrix beside its diagonal.",
            )
        )
    render_metrics(figures, widths=(1, 1, 1, 2)[: len(figures)], level=4)


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


def evaluate_epochs(
    run: Run, dataset: Dataset, answered: Sequence[int], weights: Mapping[int, WeightsChoice]
) -> None:
    """Show matrix, pictures and scores of the epoch that the slider is at.

    ``answered`` are the epochs after which answers were kept. Where there are none, the network is
    asked about the test images with the ``weights`` it has kept.
    """
    epochs = list(answered) or list(weights)
    slider = epoch_slider_container()
    with slider:
        epoch = epoch_from_query(epochs)
    with errors_shown():
        if answered:
            _show_answers(run, dataset, epochs, epoch)
        else:
            _show_weights(run, dataset, weights, epoch)
    # Also where this epoch's file is damaged: another may be whole.
    epoch_scrubber(slider, run, epochs, epoch)


def _show_answers(run: Run, dataset: Dataset, epochs: Sequence[int], epoch: int) -> None:
    found, asked = kept_answers(run.id, epoch, dataset)
    history = {one.epoch: one for one in cache.store().epochs(run.id)}
    # That of the answers is rounded, and may be about a part of the images.
    loss = history[epoch].val_loss if epoch in history else None
    count = len(found) + asked.beyond
    what = (
        f"the {count:,} images that were held back from training for validation"
        if asked.split == "train"
        else f"the {count:,} test images, by which this run was validated"
    )
    said = (
        f"What the network said about {what}, after epoch {epoch}. It was kept while the run "
        "trained; nothing is measured again."
    )
    if asked.beyond:
        said += (
            f" Shown are the {len(found):,} of them that are in the embedded sample; only the loss "
            "is about all."
        )

    def newest() -> Evaluation:
        for one in reversed(epochs):
            try:
                return kept_answers(run.id, one, dataset)[0]
            except CifarvizError:
                # Damaged: the next newest will do.
                continue
        return found

    learned = learning_over(run.id, tuple(epochs), dataset)
    if not has_exact_loss(run, epoch):
        said += f" {loss_note(run)}"
    _render(run, _named(run, epoch, found, asked, newest, learned), loss, said)


def _show_weights(
    run: Run, dataset: Dataset, weights: Mapping[int, WeightsChoice], epoch: int
) -> None:
    found = _asked_of(run, dataset, weights, epoch)
    if found is None:
        return

    def newest() -> Evaluation:
        return _asked_of(run, dataset, weights, max(weights)) or found

    asked = EvaluatedImages(dataset.test, "test", dataset.info)
    said = (
        f"What the weights after epoch {epoch} say about the {len(found):,} test images: this run "
        "kept no answers on its way, so its weights are asked now. It kept those of ever fewer "
        "epochs."
    )
    _render(run, _named(run, epoch, found, asked, newest), found.loss, said)


def _asked_of(
    run: Run, dataset: Dataset, weights: Mapping[int, WeightsChoice], epoch: int
) -> Evaluation | None:
    job = evaluation_job(run, weights[epoch], dataset)
    return wait_for(job, f"The network after epoch {epoch}")


def _named(
    run: Run,
    epoch: int,
    found: Evaluation,
    asked: EvaluatedImages,
    newest: Callable[[], Evaluation],
    learned: LearningProgress | None = None,
) -> EvaluationView:
    return EvaluationView(
        found.renamed(class_names(asked.info)),
        asked,
        Member(run, epoch),
        f"{run.id}-epoch-{epoch}",
        view=f"{run.id} epochs",
        address={"run": run.id, "checkpoint": "epochs", "epoch": str(epoch)},
        ordering=newest,
        epoch=epoch,
        learned=learned,
    )


def _render(run: Run, answered: EvaluationView, loss: float | None, said: str) -> None:
    asked, found = answered.asked, answered.evaluation
    role = "validation" if asked.split == "train" else "test"
    images = "sample images" if asked.beyond else "images"
    source = f"{role} ({len(found):,} {images}), after epoch {answered.epoch}"
    show_figures(found, asked.noun, loss, source)
    words, history = st.columns([5, 1], vertical_alignment="center")
    words.caption(said, help=EXPLANATION if earlier_losses(run) else None)
    with history:
        csv_button(
            "History as CSV",
            lambda: history_table(cache.store().epochs(run.id), run),
            f"{run.id}-history",
            "Loss and accuracy after each epoch of the run, as a file for a spreadsheet.",
        )
    show_answered(answered)


def choose_view() -> View:
    """Show title and switch, and return the view of the address: one network if it names none."""
    return render_title_and_views(
        "Evaluate",
        _VIEWS,
        key="evaluate-view",
        problem=lambda word: f"Evaluate has no view {word}: this is the one of a single network.",
        forget=_OF_ONE_VIEW,
    )
