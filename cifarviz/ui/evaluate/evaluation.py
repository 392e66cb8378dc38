"""What Evaluate asks of a network, and its predictions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from cifarviz.analysis import evaluation as evaluations
from cifarviz.analysis.background_job import EvaluationJob
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import LearningProgress, track_learning
from cifarviz.analysis.members import Member
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.data.image_set import Dataset, ImageSet, Split
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.errors import ArtifactDamaged, RunError, StoreError
from cifarviz.runs.artifacts import FolderArtifacts, Stamp
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, load_predictions, snapshot_path
from cifarviz.runs.stored_predictions import (
    checkpoint_stamp,
    load_checkpoint_predictions,
    save_checkpoint_predictions,
)
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import address_names
from cifarviz.ui.streamlit_patches import uninterruptible


@dataclass(frozen=True, eq=False)
class EvaluatedImages:
    """Images of ``split`` that the network did not learn from; those of training were held back.

    ``beyond`` counts those it was asked about, too, which are not on this machine.
    """

    images: ImageSet
    split: Split
    info: DatasetInfo
    beyond: int = 0

    @property
    def noun(self) -> str:
        """One of them."""
        return "test image" if self.split == "test" else "validation image"

    @property
    def numbered(self) -> str:
        """How all images of the split are numbered, as a sentence up to its semicolon."""
        test = self.split == "test"
        count = self.info.test_images if test else self.info.train_images
        name = "Test" if test else "Training"
        return f"{name} images of {self.info.title} are numbered 0 to {count - 1:,}"

    @property
    def limit(self) -> int:
        """How many images the split has in all."""
        return self.info.test_images if self.split == "test" else self.info.train_images


@dataclass(frozen=True, eq=False)
class EvaluationView:
    """The answers of ``member`` to the images it was ``asked``, its classes as they are shown.

    ``epoch`` is the one on the slider, if that is how it was chosen. ``name`` is what files are
    called; another ``view`` starts with a fresh matrix; ``address`` leads to the same network on
    another page. ``ordering`` gives the evaluation by which classes are put beside those they are
    confused with: for all epochs of a run it is the same. ``learned`` is how the images fared over
    the epochs, where it is known.
    """

    evaluation: Evaluation
    asked: EvaluatedImages
    member: Member
    name: str
    view: str
    address: Mapping[str, str]
    ordering: Callable[[], Evaluation]
    epoch: int | None = None
    learned: LearningProgress | None = None


# Seconds an evaluation may take before anything is said of it, and between two checks of it.
_UNSAID = 0.3
POLL_SECONDS = 0.15


def evaluation_job(run: Run, which: WeightsChoice, data: Dataset) -> EvaluationJob:
    """The evaluation of weights on the test images of ``data``, their run's data or the sample.

    It is begun at the first look and shared from then on. Answers of a checkpoint about the run's
    own data that were kept on disk are used where they are those of this very checkpoint, and new
    ones are kept; those of a snapshot's weights only as long as the server runs. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    # Before the weights are read: a checkpoint replaced in between is then measured again.
    stamp = checkpoint_stamp(cache.store().folder(run.id), which)
    return _job(run.id, which, cache.settings(), stamp, data.variant, run, data)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Settings: repr})
def _job(
    run_id: str,
    which: WeightsChoice,
    settings: Settings,
    stamp: Stamp,
    variant: Variant,
    _run: Run,
    _data: Dataset,
) -> EvaluationJob:
    folder = cache.store().folder(run_id)
    # Shared by sessions of all languages: each page names the classes itself.
    test, classes = _data.test, address_names(_data.info)
    # Beside others in an ensemble a run on the full set may be asked about the sample's images:
    # that must not push out what it said about its own.
    own = variant == _run.experiment.data.variant
    keep = None
    if own and not isinstance(which, int):
        kept = load_checkpoint_predictions(folder, which, stamp, test, len(classes))
        if kept is not None:
            return EvaluationJob(lambda tell: kept, test, classes)
        keep = partial(save_checkpoint_predictions, FolderArtifacts(folder), which, stamp, test)
    model = cache.trained_model(_run, which)
    return EvaluationJob(
        lambda tell: model.predictions(test.images, on_progress=tell), test, classes, save=keep
    )


def wait_for(job: EvaluationJob, who: str = "The network") -> Evaluation | None:
    """Show how far ``job`` is until it is over; ``None`` if it was stopped, which is said then.

    Raises what the job met with. A click elsewhere on the page ends the waiting, not the work.
    """
    if not job.wait(_UNSAID):
        place = st.empty()
        with place.container():
            bar = st.progress(0.0)
            st.button(
                "Stop",
                key=f"stop-evaluation-{who}",
                icon=":material/stop:",
                on_click=uninterruptible(job.cancel),
                help="End the evaluation; nothing of it is kept.",
            )
        while not job.wait(POLL_SECONDS):
            bar.progress(job.done / job.total, text=_progress_text(job, who))
        place.empty()
    evaluation = job.result()
    if evaluation is None:
        st.info("The evaluation was stopped.", icon=":material/info:")
        st.button(
            "Evaluate",
            type="primary",
            icon=":material/play_arrow:",
            on_click=uninterruptible(job.start),
        )
    elif job.note:
        st.warning(escaped(job.note), icon=":material/warning:")
    return evaluation


def _progress_text(job: EvaluationJob, who: str) -> str:
    words = f"{who} looks at the test images: {job.done:,} of {job.total:,}"
    left = job.seconds_left
    return words if left is None else f"{words}, about {max(1, round(left))} s left"


def kept_answers(run_id: str, epoch: int, dataset: Dataset) -> tuple[Evaluation, EvaluatedImages]:
    """What a run said after ``epoch``, and about which images.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    path = snapshot_path(cache.store().folder(run_id), "predictions", epoch)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return _evaluation(run_id, epoch, stamp, cache.settings(), dataset)


def learning_over(
    run_id: str, epochs: tuple[int, ...], dataset: Dataset
) -> LearningProgress | None:
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
) -> tuple[Evaluation, EvaluatedImages]:
    classes = address_names(dataset.info)
    answers = load_predictions(cache.store().folder(run_id), epoch, len(classes))
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
    return found, EvaluatedImages(images, answers.split, dataset.info, beyond)


def _variant(run_id: str) -> Variant:
    return cache.store().get(run_id).experiment.data.variant


@st.cache_resource(
    max_entries=16,
    show_spinner="Following the images over the epochs …",
    hash_funcs={Settings: repr, Dataset: _name},
)
def _learning(
    run_id: str, epochs: tuple[int, ...], settings: Settings, dataset: Dataset
) -> LearningProgress | None:
    folder, classes = cache.store().folder(run_id), len(address_names(dataset.info))
    kept, said, newest = [], [], None
    for epoch in reversed(epochs):
        try:
            answers = load_predictions(folder, epoch, classes)
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
    return track_learning(asked.images.labels, kept[::-1], np.array(said[::-1])[:, here])
