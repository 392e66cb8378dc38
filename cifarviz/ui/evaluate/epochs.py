"""What a run said about its validation images after any of its epochs."""

import numpy as np
import streamlit as st

from cifarviz.analysis import evaluation as evaluations
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import Learning, learning
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.data.datasets import Dataset
from cifarviz.errors import ArtifactDamaged, RunError, StoreError
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import read_answers, snapshot_path
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.epoch_scrubber import epoch_in_address, epoch_scrubber, epochs_place
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.asked import AskedImages
from cifarviz.ui.evaluate.shown import show_evaluation
from cifarviz.ui.figure_row import Figure, figure_row


def evaluate_epochs(run: Run, dataset: Dataset, epochs: list[int]) -> None:
    """Show matrix, pictures and scores of the epoch that the slider is at."""
    slider = epochs_place()
    with slider:
        epoch = epoch_in_address(epochs)
    with errors_shown():
        _show(run, dataset, epochs, epoch)
    # Also where this epoch's file is damaged: another may be whole.
    epoch_scrubber(slider, run, epochs, epoch)


def _show(run: Run, dataset: Dataset, epochs: list[int], epoch: int) -> None:
    found, asked = _evaluation_after(run.id, epoch, cache.settings(), dataset)
    found = found.renamed(class_names(dataset.info))
    _summary(run, found, asked, epoch)
    learned = _learning(run.id, tuple(epochs), cache.settings(), dataset)
    show_evaluation(
        found,
        asked,
        f"{run.id}-epoch-{epoch}",
        view=f"{run.id} epochs",
        learned=learned,
        address={"run": run.id, "checkpoint": "epochs", "epoch": str(epoch)},
    )


def _evaluation_after(
    run_id: str, epoch: int, settings: Settings, dataset: Dataset
) -> tuple[Evaluation, AskedImages]:
    path = snapshot_path(cache.store().folder(run_id), "answers", epoch)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return _evaluation(run_id, epoch, stamp, settings, dataset)


def _name(dataset: Dataset) -> str:
    return f"{dataset.info.name} {dataset.variant}"


@st.cache_resource(
    max_entries=64,
    show_spinner=False,
    hash_funcs={Settings: repr, Dataset: _name},
)
def _evaluation(
    run_id: str, epoch: int, stamp: int, settings: Settings, dataset: Dataset
) -> tuple[Evaluation, AskedImages]:
    classes = address_names(dataset.info)
    answers = read_answers(cache.store().folder(run_id), epoch, len(classes))
    there = dataset.split(answers.split)
    order = np.argsort(there.indices)
    places = np.searchsorted(there.indices, answers.indices, sorter=order)
    positions = order[np.minimum(places, len(there) - 1)]
    if not np.array_equal(there.indices[positions], answers.indices):
        raise ArtifactDamaged(
            f"The answers of epoch {epoch} of run {run_id} are about images that are not in "
            f"{dataset.info.title}. Choose another epoch."
        )
    images = there.take(positions)
    found = evaluations.evaluate(images.labels, answers.probabilities, images.indices, classes)
    return found, AskedImages(images, answers.split, dataset.info)


@st.cache_resource(
    max_entries=16,
    show_spinner="Following the images over the epochs …",
    hash_funcs={Settings: repr, Dataset: _name},
)
def _learning(
    run_id: str, epochs: tuple[int, ...], settings: Settings, dataset: Dataset
) -> Learning | None:
    """How the images fared; what is damaged is left out, and ``None`` if the images differ."""
    folder, classes = cache.store().folder(run_id), len(address_names(dataset.info))
    kept, said, newest = [], [], None
    for epoch in reversed(epochs):
        try:
            answers = read_answers(folder, epoch, classes)
        except (RunError, StoreError):
            continue
        newest = newest or answers
        if not np.array_equal(answers.indices, newest.indices):
            return None
        kept.append(epoch)
        said.append(predicted_classes(answers.probabilities))
    if newest is None:
        return None
    _, asked = _evaluation_after(run_id, kept[0], settings, dataset)
    return learning(asked.images.labels, kept[::-1], np.array(said[::-1]))


def _summary(run: Run, found: Evaluation, asked: AskedImages, epoch: int) -> None:
    history = {one.epoch: one for one in cache.store().epochs(run.id)}
    # The stored one is exact; answers are rounded.
    loss = history[epoch].val_loss if epoch in history else None
    figure_row(
        [
            Figure("Accuracy", f"{found.accuracy:.1%}", f"The share of the {asked.noun}s found."),
            Figure(
                "Loss",
                "–" if loss is None else f"{loss:.3f}",
                f"Mean cross-entropy over the {asked.noun}s, as measured in training.",
            ),
            Figure(
                f"{asked.noun.capitalize()}s",
                f"{len(found):,}",
                "Images that are not among those the network learns from.",
            ),
        ],
        level=4,
    )
    what = (
        f"the {len(found):,} images that were held back from training for validation"
        if asked.split == "train"
        else f"the {len(found):,} test images, by which this run was validated"
    )
    st.caption(
        f"What the network said about {what}, after epoch {epoch}. It was kept while the run "
        "trained; nothing is measured again."
    )
