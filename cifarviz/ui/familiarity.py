"""A warning where a network is shown a picture of nothing it knows."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs
from cifarviz.analysis.out_of_distribution import (
    FALSE_ALARM_RATE,
    MAX_REFERENCE_IMAGES,
    MAX_TRAINING_IMAGES,
    Familiarity,
    UnknownDetector,
    make_run_detector,
)
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.errors import render_errors
from cifarviz.ui.weights_job import render_weights_job

# A detector holds the statistics of 2,000 images, 15 MB of most of the published networks.
_MAX_JOBS = 8


def render_familiarity(
    run: Run, weights: WeightsChoice, pixels: NDArray[np.uint8], *, key: str
) -> None:
    """Render whether the network knows anything like a picture, raw pixels (h, w, c).

    The page reruns when that is calibrated, which takes some seconds the first time.
    """
    with render_errors():
        detector = find_detector(run, weights, key=key)
        if detector is None:
            return
        familiarity = judge(run, weights, detector, pixels)
        if familiarity.is_unknown:
            st.warning(
                "**This is probably nothing it knows.** Its prediction means little.",
                icon=":material/help:",
            )
        start = "" if familiarity.is_unknown else "Nothing unusual was found. "
        text = format_familiarity(detector, familiarity)
        st.caption(f"{start}{text}", help=format_method(detector))


def find_detector(run: Run, weights: WeightsChoice, *, key: str) -> UnknownDetector | None:
    """Return the detector for these weights, or ``None`` while the progress of making it is shown.

    Raises ``DataError``, ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    return render_weights_job(
        detector_jobs(),
        run,
        weights,
        partial(_job, run, weights),
        text="Comparing with the images it was trained on",
        key=key,
    )


def judge(
    run: Run, weights: WeightsChoice, detector: UnknownDetector, pixels: NDArray[np.uint8]
) -> Familiarity:
    """Judge a picture, raw pixels (h, w, c)."""
    model = cache.trained_model(run, weights)
    return detector.judge(model.layer_statistics(pixels[np.newaxis]))[0]


def format_familiarity(detector: UnknownDetector, familiarity: Familiarity) -> str:
    """Return the score, and the threshold it is held against, as a sentence."""
    return (
        f"Distance to the training images: {familiarity.score:.2f}. For {1 - FALSE_ALARM_RATE:.0%} "
        f"of {detector.images:,} {detector.split} images it is at most {familiarity.threshold:.2f}."
    )


def format_method(detector: UnknownDetector) -> str:
    """Return how it is decided, and what that cannot tell."""
    chosen = (
        "images that the run held back for validation"
        if detector.split == "validation"
        else "test images, as there are no images here that only the validation has seen"
    )
    return (
        "How far the picture is from the nearest training images in what all layers compute: the "
        "mean and the spread of each channel, and how alike neighbouring pixels are. The limit is "
        f"set so that {FALSE_ALARM_RATE:.0%} of {chosen}, get a false alarm. Photos are often "
        "missed, so no warning does not mean that the network knows what it sees."
    )


def _job(run: Run, weights: WeightsChoice) -> BackgroundJob[UnknownDetector]:
    runs = cache.store()

    def compute(report: Callable[[int], None]) -> UnknownDetector:
        model = cache.open_model(run, weights, runs)
        return make_run_detector(run, model, runs.settings, report)

    total = min(run.train_images or 0, MAX_TRAINING_IMAGES) + MAX_REFERENCE_IMAGES
    return BackgroundJob(compute, total, "cifarviz-unknown")


@st.cache_resource(show_spinner=False)
def detector_jobs() -> BackgroundJobs[UnknownDetector]:
    """Return the jobs that make detectors on this server."""
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(detector_jobs)
