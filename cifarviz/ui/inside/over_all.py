"""What a network's channels make of all test images, found in the background for all sessions."""

import time
from collections.abc import Mapping
from functools import partial

import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs
from cifarviz.analysis.top_activations import TopActivations
from cifarviz.data.datasets import ImageSet, find
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui import cache
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.named_image import images_of
from cifarviz.ui.unbroken import unbroken

Found = Mapping[str, TopActivations]
"""By the names of the layers with maps."""
Job = BackgroundJob[dict[str, TopActivations]]

# So many images, as in the sample, take less than a second: nobody need ask for it.
_FEW = 2_000
# Seconds that one looks at the same weights before it begins by itself: while epochs are played,
# nothing is to hold them up. And between two looks how far it is.
_SETTLED, _LOOK = 0.5, 0.6
# A result takes about 100 kB.
_MOST_KEPT = 64


def job_over_all(run: Run, which: Weights) -> Job:
    """The look at all test images with these weights; it is begun if it was not.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``DatasetNotFound``.
    """
    images = test_images(run)
    return _jobs().begun(_key(run, which, images), partial(_made, run, which, images))


def found_over_all(run: Run, which: Weights) -> Found | None:
    """What it found, if it has been done; nothing is begun."""
    job = _jobs().get(_key(run, which, test_images(run)))
    # One that broke off says so where it is looked at.
    return job.result() if job is not None and not job.failed else None


def test_images(run: Run) -> ImageSet:
    """All test images there are here of the run's data set."""
    return images_of(find(run.experiment.data.dataset), "test")


def show_over_all(run: Run, which: Weights) -> None:
    """Begin the look at few images; offer that at many; say how far it is, and what went wrong.

    The page runs again when it is done.
    """
    images = test_images(run)
    job = _jobs().get(_key(run, which, images))
    if job is None or not job.over:
        by_itself = job is not None or len(images) <= _FEW
        watched = st.fragment(_watch, run_every=_LOOK if by_itself else None)
        watched(run, which, time.monotonic() if by_itself else None)
        return
    with errors_shown():
        if job.result() is None:
            _offer(run, which, len(images))


def show_progress(job: Job) -> None:
    """How far a look at many images is, and a way to end it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"The network looks at the test images: {job.done:,} of {job.total:,}"
        left = job.seconds_left
        if left is not None:
            words += f", about {max(1, round(left))} s left"
        st.progress(job.done / max(job.total, 1), text=words)
        st.button(
            "Stop",
            key="stop-over-all",
            icon=":material/stop:",
            on_click=unbroken(job.cancel),
            help="End the look at all test images; what was found so far is not kept.",
        )


def _watch(run: Run, which: Weights, since: float | None) -> None:
    # Also called by a timer, with the arguments that the page has given.
    with errors_shown():
        images = test_images(run)
        job = _jobs().get(_key(run, which, images))
        if job is None and since is None:
            _offer(run, which, len(images))
        elif job is None and since is not None and time.monotonic() - since > _SETTLED:
            job_over_all(run, which)
        elif job is not None and job.over:
            st.rerun()
        elif job is not None and job.total > _FEW:
            show_progress(job)


def _offer(run: Run, which: Weights, images: int) -> None:
    if st.button(
        f"Look at all {images:,} test images",
        key="begin-over-all",
        icon=":material/search:",
        help="Finds the channels that are dead for every one of them, and which of them excite a "
        "channel most; it takes some seconds.",
    ):
        job_over_all(run, which).start()
        st.rerun()


def _made(run: Run, which: Weights, images: ImageSet) -> Job:
    model = cache.trained_model(run, which)
    return BackgroundJob(
        lambda tell: model.top_activations(images.images, on_progress=tell),
        len(images),
        "cifarviz-top-activations",
    )


def _key(run: Run, which: Weights, images: ImageSet) -> tuple[object, ...]:
    return run.id, which, cache.weights_stamp(run, which), str(cache.settings()), len(images)


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[dict[str, TopActivations]]:
    return BackgroundJobs(_MOST_KEPT)
