"""Evaluations of networks, and the images they are evaluated on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import EvaluationJob
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.analysis.galleries import LearningProgress, track_learning
from cifarviz.analysis.members import Member
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.data.image_set import Dataset, ImageSet, Split
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.errors import ArtifactDamaged, DataError, RunError, StoreError
from cifarviz.runs.artifacts import FolderArtifacts, Stamp
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import check_run_data
from cifarviz.runs.run_headline import format_time_left
from cifarviz.runs.snapshots import WeightsChoice, load_predictions, snapshot_path
from cifarviz.runs.stored_predictions import (
    checkpoint_stamp,
    load_checkpoint_predictions,
    save_checkpoint_predictions,
)
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.data_problem import render_data_problem
from cifarviz.ui.dataset_images import available_dataset
from cifarviz.ui.errors import error_text
from cifarviz.ui.navigation import link_to, link_to_full_set


def load_evaluated_dataset(run: Run) -> Dataset | None:
    """Return the images to evaluate a run on, or ``None`` after reporting why there are none."""
    if render_data_problem(run):
        link_to("runs", "See its curves in Runs", runs=run.id)
        return None
    try:
        dataset = available_dataset(run)
    except DataError as error:
        st.error(error_text(error), icon=":material/error:")
        link_to_full_set("Get the images on the Data page")
        return None
    if dataset.variant != run.experiment.data.variant:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":material/info: This run was trained on the full {dataset.info.title} set, which "
                "is not on this machine. It is evaluated on the embedded sample.",
                width="content",
            )
            link_to_full_set()
    return dataset


@dataclass(frozen=True, eq=False)
class EvaluatedImages:
    """Images of ``split`` that the network did not learn from, such as validation images.

    ``missing`` counts those that it was evaluated on as well, but which are not on this machine.
    """

    image_set: ImageSet
    split: Split
    info: DatasetInfo
    missing: int = 0

    @property
    def noun(self) -> str:
        """What an image is called: ``test image`` or ``validation image``."""
        return "test image" if self.split == "test" else "validation image"

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (n, height, width, channels)."""
        return self.image_set.images

    @property
    def split_size(self) -> int:
        """How many images the published split has."""
        return self.info.test_images if self.split == "test" else self.info.train_images


@dataclass(frozen=True, eq=False)
class EvaluationView:
    """The predictions of ``member`` for ``images``, with the class names that the page shows.

    ``epoch`` is the one on the slider, if that chose the network. ``file_name`` begins the names
    of files to save. A new ``matrix_view`` resets the zoom of the matrix. ``query_params`` lead to
    the same network on another page. ``order_evaluation`` returns the evaluation that classes are
    ordered by: for all epochs of a run it is the same. ``learning`` tells which images were right
    after which epochs, where that is known.
    """

    evaluation: Evaluation
    images: EvaluatedImages
    member: Member
    file_name: str
    matrix_view: str
    query_params: Mapping[str, str]
    order_evaluation: Callable[[], Evaluation]
    epoch: int | None = None
    learning: LearningProgress | None = None


# Seconds an evaluation may take before its progress is shown, and between two checks of it.
_QUIET_SECONDS = 0.3
POLL_SECONDS = 0.15


def evaluation_job(run: Run, weights: WeightsChoice, data: Dataset) -> EvaluationJob:
    """Return the evaluation of weights on the test images of ``data``, their run's or the sample.

    It starts when it is first waited for, and all sessions share it. Predictions of a checkpoint
    for its run's own data are read from disk if this very checkpoint made them, and are saved
    there; those of a snapshot's weights last as long as the server runs. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    # Before the weights are read: a checkpoint replaced in between is then measured again.
    stamp = checkpoint_stamp(cache.store().folder(run.id), weights)
    return _job(run.id, weights, cache.settings(), stamp, data.variant, run, data)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Settings: repr})
def _job(
    run_id: str,
    weights: WeightsChoice,
    settings: Settings,
    stamp: Stamp,
    variant: Variant,
    _run: Run,
    _data: Dataset,
) -> EvaluationJob:
    folder = cache.store().folder(run_id)
    # Shared by sessions of all languages: each page names the classes itself.
    test, classes = _data.test, query_class_names(_data.info)
    # In an ensemble a run on the full set may be evaluated on the sample's images: that must not
    # replace the stored predictions for its own.
    own_data = variant == _run.experiment.data.variant
    save = None
    if own_data and not isinstance(weights, int):
        stored = load_checkpoint_predictions(folder, weights, stamp, test, len(classes))
        if stored is not None:
            return EvaluationJob(lambda tell: stored, test, classes)
        save = partial(save_checkpoint_predictions, FolderArtifacts(folder), weights, stamp, test)
    model = cache.trained_model(_run, weights)
    return EvaluationJob(
        lambda tell: model.predictions(test.images, on_progress=tell), test, classes, save=save
    )


def wait_for_evaluation(job: EvaluationJob, network: str = "The network") -> Evaluation | None:
    """Show the progress of ``job`` until it ends, and return its evaluation.

    ``None`` if it was stopped, which the page then reports. Raises what the job raised. A click
    elsewhere on the page ends the waiting, not the work.
    """
    if not job.wait(_QUIET_SECONDS):
        place = st.empty()
        with place.container():
            bar = st.progress(0.0)
            st.button(
                "Stop",
                key=f"stop-evaluation-{network}",
                icon=":material/stop:",
                on_click=job.cancel,
                help="Ends the evaluation without saving anything.",
            )
        while not job.wait(POLL_SECONDS):
            bar.progress(job.done / job.total, text=_progress_text(job, network))
        place.empty()
    evaluation = job.result()
    if evaluation is None:
        st.info("The evaluation was stopped.", icon=":material/info:")
        st.button(
            "Evaluate",
            type="primary",
            icon=":material/play_arrow:",
            on_click=job.start,
        )
    elif job.note:
        st.warning(escaped(job.note), icon=":material/warning:")
    return evaluation


def _progress_text(job: EvaluationJob, network: str) -> str:
    text = f"{network}: {job.done:,} of {job.total:,} test images evaluated"
    left = job.seconds_left
    return text if left is None else f"{text}, {format_time_left(left)}"


def stored_evaluation(
    run_id: str, epoch: int, dataset: Dataset
) -> tuple[Evaluation, EvaluatedImages]:
    """Return what a run predicted after ``epoch``, and for which images.

    Raises ``ArtifactMissing``, ``ArtifactDamaged``, ``UnknownFormat`` and ``DatasetChanged``.
    """
    path = snapshot_path(cache.store().folder(run_id), "predictions", epoch)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return _evaluation(run_id, epoch, stamp, cache.settings(), dataset)


def load_learning(
    run_id: str, epochs: tuple[int, ...], dataset: Dataset
) -> LearningProgress | None:
    """Return which images were right after which of ``epochs``, ascending.

    Damaged files are left out; ``None`` if none is left, or the images differ between epochs.
    """
    return _learning(run_id, epochs, cache.settings(), dataset)


def dataset_key(dataset: Dataset) -> str:
    """Return what tells data sets apart in a cache, also two that had the same name in turn."""
    return f"{dataset.info.name} {dataset.variant} {dataset.info.fingerprints}"


@st.cache_resource(
    max_entries=64, show_spinner=False, hash_funcs={Settings: repr, Dataset: dataset_key}
)
def _evaluation(
    run_id: str, epoch: int, stamp: int, settings: Settings, dataset: Dataset
) -> tuple[Evaluation, EvaluatedImages]:
    classes = query_class_names(dataset.info)
    snapshot = load_predictions(cache.store().folder(run_id), epoch, len(classes))
    check_run_data(cache.store().get(run_id), snapshot.split)
    split = dataset.split(snapshot.split)
    order = np.argsort(split.indices)
    places = np.searchsorted(split.indices, snapshot.indices, sorter=order)
    positions = order[np.minimum(places, len(split) - 1)]
    present = split.indices[positions] == snapshot.indices
    # A run on the full set is evaluated on the sample's images where there is the sample only.
    own_data = dataset.variant == cache.store().get(run_id).experiment.data.variant
    if not present.any() or (own_data and not present.all()):
        raise ArtifactDamaged(
            "The predictions of epoch {epoch} of run {run_id} are for images that are not in "
            "{dataset}. Choose another epoch.",
            epoch=epoch,
            run_id=run_id,
            dataset=dataset.info.title,
        )
    images = split.take(positions[present])
    logs, exact = snapshot.predictions.log_probabilities[present], snapshot.predictions.exact
    evaluation = evaluate(images.labels, Predictions(logs, exact), images.indices, classes)
    missing = int((~present).sum())
    return evaluation, EvaluatedImages(images, snapshot.split, dataset.info, missing)


@st.cache_resource(
    max_entries=16,
    show_spinner="Following the images over the epochs …",
    show_time=True,
    hash_funcs={Settings: repr, Dataset: dataset_key},
)
def _learning(
    run_id: str, epochs: tuple[int, ...], settings: Settings, dataset: Dataset
) -> LearningProgress | None:
    folder, classes = cache.store().folder(run_id), len(query_class_names(dataset.info))
    indices, predicted = None, {}
    for epoch in epochs:
        try:
            snapshot = load_predictions(folder, epoch, classes)
        except (RunError, StoreError):
            # A damaged epoch is left out.
            continue
        if indices is not None and not np.array_equal(snapshot.indices, indices):
            return None
        indices = snapshot.indices
        predicted[epoch] = predicted_classes(snapshot.predictions.log_probabilities)
    if indices is None:
        return None
    _, evaluated = stored_evaluation(run_id, max(predicted), dataset)
    present = np.isin(indices, evaluated.image_set.indices)
    return track_learning(
        evaluated.image_set.labels, list(predicted), np.array(list(predicted.values()))[:, present]
    )


cache.holds_images(_job, _evaluation, _learning)
