"""Where the test images are on the map, at any epoch: computed in the background, once for all.

The points of an epoch take a second, so those of the other epochs are computed ahead while a map is
open. t-SNE takes seconds and starts when it is chosen.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs, ReportProgress
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.analysis.projections import (
    PrincipalComponents,
    align_positions,
    embed_tsne,
    measure_trustworthiness,
    principal_components,
)
from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.random_images import stratified_positions
from cifarviz.figures.thumbnails import Thumbnails, thumbnails
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.evaluate.evaluation import dataset_key
from cifarviz.ui.weights_job import weights_key

MAP_IMAGES: Final = 2000
"""Test images on the map at most."""
_SEED = 0
# An epoch takes about 0.5 MB.
_MAX_JOBS = 64
# Runs of which all epochs are computed ahead at a time.
_MAX_AHEAD = 2


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What a network's last hidden layer makes of n images, and what it predicts.

    ``trustworthiness`` is that of the first two principal components, 0 to 1, ``None`` of too few
    images.
    """

    components: PrincipalComponents
    evaluation: Evaluation
    trustworthiness: float | None


@dataclass(frozen=True, eq=False)
class TsnePoints:
    """Aligned positions (n, 2) by t-SNE, and their trustworthiness."""

    positions: NDArray[np.float64]
    trustworthiness: float | None


class MapImages(NamedTuple):
    """The test images on the map, and their pictures."""

    image_set: ImageSet
    pictures: Thumbnails


class MapEpochs(NamedTuple):
    """The epochs of a run with saved weights, and the images they are shown for.

    All epochs are turned to fit the newest, the ``reference``.
    """

    run: Run
    weights: Mapping[int, WeightsChoice]
    dataset: Dataset
    images: ImageSet

    @property
    def reference(self) -> int:
        """The epoch that others are aligned with."""
        return max(self.weights)


Result = TypeVar("Result")
PointsJob = BackgroundJob[MapPoints]
TsneJob = BackgroundJob[TsnePoints]


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Dataset: dataset_key})
def map_images(dataset: Dataset) -> MapImages:
    """Return up to ``MAP_IMAGES`` test images, the same every time, as many of each class."""
    chosen = stratified_positions(dataset.test.labels, MAP_IMAGES, _SEED)
    images = dataset.test.take(chosen)
    return MapImages(images, thumbnails(images.images))


def points_job(epochs: MapEpochs, epoch: int) -> PointsJob:
    """Return the job that computes the points of an epoch, started if it was not."""
    return _points_jobs().get_or_start(_key(epochs, epoch), _points_maker(epochs, epoch))


def ready_epochs(epochs: MapEpochs) -> dict[int, MapPoints]:
    """Return the points of those epochs that are computed."""
    jobs = {epoch: _points_jobs().get(_key(epochs, epoch)) for epoch in epochs.weights}
    ready = {
        epoch: job.result() for epoch, job in jobs.items() if job is not None and not job.failed
    }
    return {epoch: points for epoch, points in ready.items() if points is not None}


def tsne_job(epochs: MapEpochs, epoch: int) -> TsneJob:
    """Return the job that computes t-SNE of an epoch, started if it was not.

    It starts from the aligned principal components. The positions are turned to fit those of the
    reference, which are computed first.
    """
    return _tsne_jobs().get_or_start(_tsne_key(epochs, epoch), _tsne_maker(epochs, epoch))


def compute_ahead(epochs: MapEpochs) -> None:
    """Compute the points of all epochs in the background, the newest first."""
    keys = {epoch: _key(epochs, epoch) for epoch in sorted(epochs.weights, reverse=True)}
    makers = [(key, _points_maker(epochs, epoch)) for epoch, key in keys.items()][:_MAX_JOBS]
    jobs = _points_jobs()

    def work(report: ReportProgress) -> int:
        for done, (key, make) in enumerate(makers, 1):
            # One after another, as each uses all cores.
            jobs.get_or_start(key, make).wait(threading.TIMEOUT_MAX)
            report(done)
        return len(makers)

    _ahead_jobs().get_or_start(
        tuple(keys.values()), lambda: BackgroundJob(work, len(makers), "cifarviz-map-ahead")
    )


def aligned_plane(points: MapPoints, reference: MapPoints) -> NDArray[np.float64]:
    """Return the plane of the first two principal components, (n, 2), turned to the reference."""
    return align_positions(points.components.plane, reference.components.plane)


def _points_maker(epochs: MapEpochs, epoch: int) -> Callable[[], PointsJob]:
    # The work has no Streamlit session.
    runs, images, classes = cache.store(), epochs.images, query_class_names(epochs.dataset.info)
    open_network = partial(cache.open_model, epochs.run, epochs.weights[epoch], runs)

    def compute(report: ReportProgress) -> MapPoints:
        features, predictions = open_network().features(images.images, on_progress=report)
        evaluation = evaluate(images.labels, predictions, images.indices, classes)
        components = principal_components(features)
        trustworthiness = measure_trustworthiness(components.scores, components.plane)
        return MapPoints(components, evaluation, trustworthiness)

    return lambda: BackgroundJob(compute, len(epochs.images), "cifarviz-map")


def _tsne_maker(epochs: MapEpochs, epoch: int) -> Callable[[], TsneJob]:
    points, reference = points_job(epochs, epoch), points_job(epochs, epochs.reference)
    jobs = _tsne_jobs()
    before = None
    if epoch != epochs.reference:
        key, make = _tsne_key(epochs, epochs.reference), _tsne_maker(epochs, epochs.reference)
        before = partial(jobs.get_or_start, key, make)

    def compute(report: ReportProgress) -> TsnePoints:
        own, other = _finished(points), _finished(reference)
        start = aligned_plane(own, other)
        fixed = start
        if before is not None:
            fixed = _finished(before()).positions
            report(1)
        positions = align_positions(embed_tsne(own.components.scores, start), fixed)
        return TsnePoints(positions, measure_trustworthiness(own.components.scores, positions))

    return lambda: BackgroundJob(compute, 2, "cifarviz-tsne")


def _finished(job: BackgroundJob[Result]) -> Result:
    """Wait for the result of a job; one that was cancelled, as by too many others, starts anew."""
    while (result := job.result()) is None:
        job.start()
        job.wait(threading.TIMEOUT_MAX)
    return result


def _key(epochs: MapEpochs, epoch: int) -> tuple[object, ...]:
    return weights_key(epochs.run, epochs.weights[epoch], dataset_key(epochs.dataset))


def _tsne_key(epochs: MapEpochs, epoch: int) -> tuple[object, ...]:
    return _key(epochs, epoch) + _key(epochs, epochs.reference)


@st.cache_resource(show_spinner=False)
def _points_jobs() -> BackgroundJobs[MapPoints]:
    return BackgroundJobs(_MAX_JOBS)


@st.cache_resource(show_spinner=False)
def _ahead_jobs() -> BackgroundJobs[int]:
    return BackgroundJobs(_MAX_AHEAD)


@st.cache_resource(show_spinner=False)
def _tsne_jobs() -> BackgroundJobs[TsnePoints]:
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(map_images, _points_jobs, _tsne_jobs, _ahead_jobs)
