"""What a network's channels make of all test images, and which are dead for all it is judged by.

Found in the background, once for all sessions.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs
from cifarviz.analysis.top_activations import TopActivations
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.registry import find
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache, state
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items, rerun_on_change
from cifarviz.ui.dataset_images import available_images, validation_images
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.streamlit_patches import uninterruptible


@dataclass(frozen=True)
class DatasetActivations:
    """What the channels of each layer with maps make of many images, by the layers' names.

    ``test`` says which test images excite them most. ``judged`` says which are dead for all
    images of ``judged_by``: the validation images if the run held some back, else the test images.
    """

    test: Mapping[str, TopActivations]
    judged: Mapping[str, TopActivations]
    judged_by: Literal["validation", "test"]


Job = BackgroundJob[DatasetActivations]

# So many images, as in the sample, take less than a second: nobody need ask for it.
_FEW = 3_000
# Seconds that a person looks at the same weights before it begins by itself: while epochs are
# played, nothing is to hold them up.
_SETTLED = 0.5
# A result takes about 100 kB.
_MOST_KEPT = 64


def job_over_all(run: Run, which: WeightsChoice) -> Job:
    """The look at all these images with these weights; it is begun if it was not.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``DatasetNotFound``.
    """
    return _jobs().begun(_key(run, which), partial(_made, run, which))


def found_over_all(run: Run, which: WeightsChoice) -> DatasetActivations | None:
    """What it found, if it has been done; nothing is begun."""
    job = _jobs().get(_key(run, which))
    # One that broke off says so where it is looked at.
    return job.result() if job is not None and not job.failed else None


def test_images(run: Run) -> ImageSet:
    """All test images there are here of the run's data set."""
    return available_images(find(run.experiment.data.dataset), "test")


def show_over_all(run: Run, which: WeightsChoice) -> None:
    """Begin the look at few images; offer that at many; say how far it is, and what went wrong.

    The page runs again when it is done.
    """
    key = _key(run, which)
    job = _jobs().get(key)
    if job is None and _count(run) > _FEW:
        _offer(run, which)
    elif job is None or not job.over:
        if job is None:
            _begin_when_settled(run, which, key)
        if job is not None and job.total > _FEW:
            show_progress(job)
        else:
            rerun_on_change(_feed_name(key), partial(_is_over, _jobs(), key), key="over-all")
    else:
        with errors_shown():
            if job.result() is None:
                _offer(run, which)


def _begin_when_settled(run: Run, which: WeightsChoice, key: tuple[object, ...]) -> None:
    """Begin after a while, unless this browser looks at something else by then."""
    latest = state.current_inspection()
    latest.key = key
    # Made here: the thread below belongs to no page, and asks for nothing of one.
    jobs, job = _jobs(), _made(run, which)

    def begin() -> None:
        if latest.key == key:
            jobs.begun(key, lambda: job)

    timer = threading.Timer(_SETTLED, begin)
    timer.daemon = True
    timer.start()


def _is_over(jobs: BackgroundJobs[DatasetActivations], key: tuple[object, ...]) -> str:
    job = jobs.get(key)
    return str(job is not None and job.over)


def _feed_name(*facts: object) -> str:
    return f"job-{hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()}"


def show_progress(job: Job) -> None:
    """How far a look at many images is, and a way to end it; the page runs again at its end."""
    name = _feed_name(id(job))
    hub().register(name, partial(_message, job))
    with st.container(horizontal=True, vertical_alignment="center"):
        live_items({"job": _item(job)}, key="over-all", live=Live(name, str(job.over)))
        st.button(
            "Stop",
            key="stop-over-all",
            icon=":material/stop:",
            on_click=uninterruptible(job.cancel),
            help="End the look at all images; what was found so far is not kept.",
        )


def _message(job: Job) -> dict[str, Any]:
    return {"mark": str(job.over), "items": {"job": _item(job).values()}}


def _item(job: Job) -> Item:
    words = f"The network looks at all images: {job.done:,} of {job.total:,}"
    left = job.seconds_left
    if left is not None:
        words += f", about {max(1, round(left))} s left"
    return Item(text=words, share=job.done / max(job.total, 1))


def _offer(run: Run, which: WeightsChoice) -> None:
    words = f"all {len(test_images(run)):,} test images"
    if (validation := validation_images(run)) is not None:
        words = f"{words} and all {len(validation):,} validation images"
    if st.button(
        f"Look at {words}",
        key="begin-over-all",
        icon=":material/search:",
        help="Finds the channels that are dead for every one of them, and which test images excite "
        "a channel most; it takes some seconds.",
    ):
        job_over_all(run, which).start()
        st.rerun()


def _made(run: Run, which: WeightsChoice) -> Job:
    test, validation, runs = test_images(run), validation_images(run), cache.store()

    def look(tell: Callable[[int], None]) -> DatasetActivations:
        model = cache.open_model(run, which, runs)
        top = model.top_activations(test.images, on_progress=tell)
        if validation is None:
            return DatasetActivations(top, top, "test")
        judged = model.top_activations(
            validation.images, on_progress=lambda done: tell(len(test) + done)
        )
        return DatasetActivations(top, judged, "validation")

    return BackgroundJob(look, _count(run), "cifarviz-top-activations")


def _count(run: Run) -> int:
    validation = validation_images(run)
    return len(test_images(run)) + (0 if validation is None else len(validation))


def _key(run: Run, which: WeightsChoice) -> tuple[object, ...]:
    stamp = cache.weights_stamp(run, which)
    return run.id, which, stamp, str(cache.settings()), len(test_images(run))


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[DatasetActivations]:
    return BackgroundJobs(_MOST_KEPT)
