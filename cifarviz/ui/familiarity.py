"""A warning where a network is shown a picture of nothing it knows."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs, ReportProgress
from cifarviz.analysis.out_of_distribution import (
    FALSE_ALARM_RATE,
    Familiarity,
    UnknownDetector,
    make_run_detector,
)
from cifarviz.errors import CalibrationImpossible
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import render_errors
from cifarviz.ui.weights_job import render_weights_job, weights_key

# A detector holds the statistics of 2,000 images, 15 MB of most of the published networks.
_MAX_JOBS = 8
# Too few images are a result: the same work would find it again.
_Found = UnknownDetector | CalibrationImpossible


def render_familiarity(
    run: Run,
    weights: WeightsChoice,
    pixels: NDArray[np.uint8],
    *,
    key: str,
    train_index: int | None = None,
) -> Familiarity | None:
    """Render and return whether the network knows anything like a picture, raw pixels (h, w, c).

    ``train_index`` is its index if it is a training image of the run's data set. ``None`` until
    that is calibrated, which takes some seconds the first time; then the page reruns.
    """
    familiarity = None
    with render_errors():
        try:
            detector = find_detector(run, weights, key=key)
        except CalibrationImpossible as impossible:
            # With few pictures of one's own nothing is wrong, and the prediction stands.
            st.caption(escaped(str(impossible)))
            return None
        if detector is not None:
            familiarity = judge(run, weights, detector, pixels, train_index)
            _render_judgement(detector, familiarity)
    return familiarity


def _render_judgement(detector: UnknownDetector, familiarity: Familiarity) -> None:
    if familiarity.is_unknown:
        st.warning(
            "**This is probably nothing it knows.** Its prediction means little.",
            icon=":material/help:",
        )
    start = "" if familiarity.is_unknown else "Nothing unusual was found. "
    text = format_familiarity(detector, familiarity)
    st.caption(f"{start}{text}", help=format_method(detector))


def is_judged_unknown(
    run: Run, weights: WeightsChoice, pixels: NDArray[np.uint8], train_index: int | None = None
) -> bool:
    """Return whether a picture would be warned of; ``False`` where that is not calibrated yet."""
    job = detector_jobs().get(weights_key(run, weights))
    detector = None if job is None or job.failed else job.result()
    if not isinstance(detector, UnknownDetector):
        return False
    return judge(run, weights, detector, pixels, train_index).is_unknown


def find_detector(run: Run, weights: WeightsChoice, *, key: str) -> UnknownDetector | None:
    """Return the detector for these weights, or ``None`` while the progress of making it is shown.

    A failure is shown in its place. Raises ``CalibrationImpossible``.
    """
    found = render_weights_job(
        detector_jobs(),
        run,
        weights,
        partial(_job, run, weights),
        text="Comparing with images it knows",
        key=key,
    )
    if isinstance(found, CalibrationImpossible):
        raise found
    return found


def judge(
    run: Run,
    weights: WeightsChoice,
    detector: UnknownDetector,
    pixels: NDArray[np.uint8],
    train_index: int | None = None,
) -> Familiarity:
    """Judge a picture, raw pixels (h, w, c); ``train_index`` as in ``UnknownDetector.judge``."""
    model = cache.trained_model(run, weights)
    return detector.judge(model.layer_statistics(pixels[np.newaxis]), train_index)[0]


def format_familiarity(detector: UnknownDetector, familiarity: Familiarity) -> str:
    """Return the score, and the threshold it is held against, as a sentence."""
    return (
        f"Out-of-distribution score: {familiarity.score:.2f}. For {1 - FALSE_ALARM_RATE:.0%} "
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


def _job(run: Run, weights: WeightsChoice) -> BackgroundJob[_Found]:
    runs = cache.store()

    def compute(report: ReportProgress) -> _Found:
        def advance(done: int, total: int) -> None:
            job.total = total
            report(done)

        model = cache.open_model(run, weights, runs)
        try:
            return make_run_detector(run, model, runs.settings, advance)
        except CalibrationImpossible as impossible:
            return impossible

    # How many images are here is known once they are loaded.
    job = BackgroundJob(compute, 0, "cifarviz-unknown")
    return job


@st.cache_resource(show_spinner=False)
def detector_jobs() -> BackgroundJobs[_Found]:
    """Return the jobs that make detectors on this server."""
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(detector_jobs)
