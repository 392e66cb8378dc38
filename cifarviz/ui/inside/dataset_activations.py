"""Activations of all channels over all test images, computed once for all sessions.

A background job finds each channel's top test images, and the channels that are dead for all
validation images or, without those, for all test images.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs
from cifarviz.analysis.top_activations import TopActivations
from cifarviz.data.image_set import ImageSet
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.dataset_images import available_images, validation_images
from cifarviz.ui.errors import render_errors
from cifarviz.ui.weights_job import feed_name, render_job, start_when_idle, weights_key


@dataclass(frozen=True)
class DatasetActivations:
    """Activations of each layer with maps over many images, by layer name.

    ``test`` has the top test images of each channel. ``reference`` has the channels that are
    dead for all images of ``reference_split``: validation images if the run has some, else
    test images.
    """

    test: Mapping[str, TopActivations]
    reference: Mapping[str, TopActivations]
    reference_split: Literal["validation", "test"]


Job = BackgroundJob[DatasetActivations]

# Scanning so many images, as in the sample, takes less than a second.
_AUTOMATIC_LIMIT = 3_000
# A result takes about 100 kB.
_MAX_JOBS = 64


def activations_job(run: Run, weights: WeightsChoice) -> Job:
    """The job that scans all images with these weights, started if it was not.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``DatasetNotFound``.
    """
    return _jobs().get_or_start(_key(run, weights), partial(_create_job, run, weights))


def finished_activations(run: Run, weights: WeightsChoice) -> DatasetActivations | None:
    """The result of a finished scan, or ``None``; starts nothing."""
    job = _jobs().get(_key(run, weights))
    # A failed job reports its error where its result is rendered.
    return job.result() if job is not None and not job.failed else None


def test_images(run: Run) -> ImageSet:
    """All test images of the run's data set on this machine."""
    return available_images(run, "test")


def render_activations_job(run: Run, weights: WeightsChoice) -> None:
    """Start a scan of few images, offer a scan of many; render its progress or error.

    The page reruns when the scan is done.
    """
    key = _key(run, weights)
    job = _jobs().get(key)
    if job is None and _count(run) > _AUTOMATIC_LIMIT:
        _render_start_button(run, weights)
    elif job is None or not job.over:
        if job is None:
            start_when_idle(_jobs(), key, _create_job(run, weights))
        if job is not None and job.total > _AUTOMATIC_LIMIT:
            render_progress(job)
        else:
            rerun_on_change(feed_name(key), partial(_is_done, _jobs(), key), key="over-all")
    else:
        with render_errors():
            if job.result() is None:
                _render_start_button(run, weights)


def _is_done(jobs: BackgroundJobs[DatasetActivations], key: tuple[Hashable, ...]) -> str:
    job = jobs.get(key)
    return str(job is not None and job.over)


def render_progress(job: Job) -> None:
    """Render the progress of a scan and a Stop button; the page reruns at its end."""
    render_job(
        job,
        "Scanning all images",
        key="over-all",
        stop_help="Stop the scan of all images and discard its results so far.",
    )


def _render_start_button(run: Run, weights: WeightsChoice) -> None:
    count, validation = len(test_images(run)), validation_images(run)
    if st.button(
        f"Scan {count:,} test images"
        if validation is None
        else f"Scan {count:,} test and {len(validation):,} validation images",
        key="begin-over-all",
        icon=":material/search:",
        help="Finds the channels that are dead for all images, and the test images with the "
        "highest activation of each channel. Takes some seconds.",
    ):
        activations_job(run, weights).start()
        st.rerun()


def _create_job(run: Run, weights: WeightsChoice) -> Job:
    test, validation, runs = test_images(run), validation_images(run), cache.store()

    def compute(report: Callable[[int], None]) -> DatasetActivations:
        model = cache.open_model(run, weights, runs)
        top = model.top_activations(test.images, on_progress=report)
        if validation is None:
            return DatasetActivations(top, top, "test")
        reference = model.top_activations(
            validation.images, on_progress=lambda done: report(len(test) + done)
        )
        return DatasetActivations(top, reference, "validation")

    return BackgroundJob(compute, _count(run), "cifarviz-top-activations")


def _count(run: Run) -> int:
    validation = validation_images(run)
    return len(test_images(run)) + (0 if validation is None else len(validation))


def _key(run: Run, weights: WeightsChoice) -> tuple[Hashable, ...]:
    return weights_key(run, weights, len(test_images(run)))


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[DatasetActivations]:
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(_jobs)
