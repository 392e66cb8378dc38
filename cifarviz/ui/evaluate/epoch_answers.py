"""What a run has kept of its answers after its epochs, read once for all sessions."""

import numpy as np
import streamlit as st

from cifarviz.analysis import evaluation as evaluations
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import Learning, learning
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.info import Variant
from cifarviz.errors import ArtifactDamaged, RunError, StoreError
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.snapshots import read_answers, snapshot_path
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names
from cifarviz.ui.evaluate.asked import AskedImages


def kept_answers(run_id: str, epoch: int, dataset: Dataset) -> tuple[Evaluation, AskedImages]:
    """What a run said after ``epoch``, and about which images.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    path = snapshot_path(cache.store().folder(run_id), "answers", epoch)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return _evaluation(run_id, epoch, stamp, cache.settings(), dataset)


def learning_over(run_id: str, epochs: tuple[int, ...], dataset: Dataset) -> Learning | None:
    """How the images fared; what is damaged is left out, and ``None`` if the images differ."""
    return _learning(run_id, epochs, cache.settings(), dataset)


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
    here = there.indices[positions] == answers.indices
    # A run on the full set where there is the sample only is judged by the images of the sample.
    if not here.any() or (dataset.variant == _variant(run_id) and not here.all()):
        raise ArtifactDamaged(
            "The answers of epoch {epoch} of run {run_id} are about images that are not in "
            "{dataset}. Choose another epoch.",
            epoch=epoch,
            run_id=run_id,
            dataset=dataset.info.title,
        )
    images = there.take(positions[here])
    logs, exact = answers.predictions.log_probabilities[here], answers.predictions.exact
    found = evaluations.evaluate(images.labels, Predictions(logs, exact), images.indices, classes)
    beyond = int((~here).sum())
    return found, AskedImages(images, answers.split, dataset.info, beyond)


def _variant(run_id: str) -> Variant:
    return cache.store().get(run_id).experiment.data.variant


@st.cache_resource(
    max_entries=16,
    show_spinner="Following the images over the epochs …",
    hash_funcs={Settings: repr, Dataset: _name},
)
def _learning(
    run_id: str, epochs: tuple[int, ...], settings: Settings, dataset: Dataset
) -> Learning | None:
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
        said.append(predicted_classes(answers.predictions.log_probabilities))
    if newest is None:
        return None
    _, asked = kept_answers(run_id, kept[0], dataset)
    here = np.isin(newest.indices, asked.images.indices)
    return learning(asked.images.labels, kept[::-1], np.array(said[::-1])[:, here])
