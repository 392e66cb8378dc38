"""Work on the weights a page shows, in the background, once for all sessions."""

import hashlib
import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_time_left
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache, state
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import render_errors

JobResult = TypeVar("JobResult")

# Seconds with the same weights before work for them starts, so that it does not slow the playback
# of epochs.
_IDLE_SECONDS = 0.5
PATIENCE = 0.25
"""Seconds a page waits for a result before it is drawn without."""
# What is drawn says that the job runs, whatever it does by now, so that an end in between is
# noticed.
_RUNNING = str(False)


def render_weights_job(
    jobs: BackgroundJobs[JobResult],
    run: Run,
    weights: WeightsChoice,
    create: Callable[[], BackgroundJob[JobResult]],
    *,
    text: str,
    key: str,
) -> JobResult | None:
    """Return what the job for these weights found, or ``None`` while its progress is shown.

    ``create`` makes the job if there is none, which then starts soon. The page reruns when it is
    over. ``text`` says what is done.
    """
    name = weights_key(run, weights)
    job = jobs.get(name)
    if job is not None and job.over:
        return job_result(job, key=key)
    if job is None:
        start_when_idle(jobs, name, create())
    feed = feed_name(key, name)
    hub().register(feed, partial(_message, partial(jobs.get, name), text))
    live_items({"job": _item(job, text)}, key=key, live=Live(feed, _RUNNING))
    return None


def render_job(
    job: BackgroundJob[Any], text: str, *, key: str, stop_help: str | None = None
) -> None:
    """Render the progress of a running job and a Stop button.

    The page, or the fragment around this, reruns when the job is over. ``text`` says what is done.
    """
    feed = feed_name(key, id(job))
    hub().register(feed, partial(_message, lambda: job, text))
    with st.container(horizontal=True, vertical_alignment="center"):
        live_items({"job": _item(job, text)}, key=key, live=Live(feed, _RUNNING))
        st.button(
            "Stop",
            key=f"stop-{key}",
            icon=":material/stop:",
            on_click=job.cancel,
            help=stop_help or "Stop, and discard the results so far.",
        )


def compute_soon(
    jobs: BackgroundJobs[JobResult],
    name: tuple[Hashable, ...],
    compute: Callable[[], JobResult],
    text: str,
    *,
    key: str,
) -> JobResult | None:
    """Return the result of ``compute``, a short job that is done once for ``name``.

    ``None`` with ``text`` while it is computed, as by ``wait_for_job``.
    """
    job = jobs.get_or_start(name, lambda: BackgroundJob(lambda _: compute(), 1, f"cifarviz-{key}"))
    return wait_for_job(job, text, key=key)


def wait_for_job(job: BackgroundJob[JobResult], text: str, *, key: str) -> JobResult | None:
    """Return the result of a short job; ``None`` with ``text`` where it takes longer.

    Then the page, or the fragment around this, reruns when the job is over.
    """
    if job.wait(PATIENCE):
        return job_result(job, key=key)
    st.caption(f"{text} …")
    feed = feed_name(key, id(job))
    hub().register(feed, lambda: {"mark": str(job.over)})
    live_items({}, key=key, live=Live(feed, _RUNNING))
    return None


def job_result(job: BackgroundJob[JobResult], *, key: str) -> JobResult | None:
    """Return the result of a job that is over; its error is shown, with a button to try again."""
    if not job.failed:
        return job.result()
    with render_errors():
        job.result()
    st.button(
        "Try again",
        key=f"again-{key}",
        icon=":material/refresh:",
        on_click=job.start,
        help="Do the work that failed once more, as when its cause is gone.",
    )
    return None


def is_job_over(jobs: BackgroundJobs[Any], run: Run, weights: WeightsChoice) -> bool:
    """Return whether the job for these weights has ended."""
    job = jobs.get(weights_key(run, weights))
    return job is not None and job.over


def weights_key(run: Run, weights: WeightsChoice, *facts: Hashable) -> tuple[Hashable, ...]:
    """Return the key of work on these weights, the images on this machine and ``facts``."""
    data = cache.dataset_stamp(run.experiment.data.dataset)
    stamps = cache.weights_stamp(run, weights), data
    return run.id, weights, *stamps, str(cache.settings()), *facts


def feed_name(*facts: object) -> str:
    """Return a feed's name for ``facts``, which may hold what an address must not, as paths."""
    return f"job-{hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()}"


def _message(find: Callable[[], BackgroundJob[Any] | None], text: str) -> dict[str, Any]:
    job = find()
    mark = str(job is not None and job.over)
    return {"mark": mark, "items": {"job": _item(job, text).values()}}


def _item(job: BackgroundJob[Any] | None, text: str) -> Item:
    if job is None or not job.done:
        return Item(text=f"{text} …")
    text = f"{text}: {job.done:,} of {job.total:,}"
    if (left := job.seconds_left) is not None:
        text = f"{text}, {format_time_left(left)}"
    return Item(text=text, share=min(job.done / max(job.total, 1), 1))


def start_when_idle(
    jobs: BackgroundJobs[JobResult], name: tuple[Hashable, ...], job: BackgroundJob[JobResult]
) -> None:
    """Start ``job`` after a while, unless this browser shows other weights by then."""
    latest = state.current_inspection()
    latest.key = name

    def begin() -> None:
        if latest.key == name:
            jobs.get_or_start(name, lambda: job)

    timer = threading.Timer(_IDLE_SECONDS, begin)
    timer.daemon = True
    timer.start()
