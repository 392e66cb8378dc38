"""Work on the weights a page shows, done once for all sessions, in the background."""

import hashlib
import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeVar

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_time_left
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache, state
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items

JobResult = TypeVar("JobResult")

# Seconds with the same weights before work for them starts, so that it does not slow the playback
# of epochs.
_IDLE_SECONDS = 0.5


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
    over. ``text`` says what is done. Raises the error of a failed job.
    """
    name = _name(run, weights)
    job = jobs.get(name)
    if job is not None and job.over:
        return job.result()
    if job is None:
        _start_when_idle(jobs, name, create())
    facts = (key, name)
    feed = f"job-{hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()}"
    hub().register(feed, partial(_message, jobs, name, text))
    live_items({"job": _item(job, text)}, key=key, live=Live(feed, _mark(job)))
    return None


def is_job_over(jobs: BackgroundJobs[Any], run: Run, weights: WeightsChoice) -> bool:
    """Return whether the job for these weights has ended."""
    job = jobs.get(_name(run, weights))
    return job is not None and job.over


def _name(run: Run, weights: WeightsChoice) -> tuple[Hashable, ...]:
    return run.id, weights, cache.weights_stamp(run, weights), str(cache.settings())


def _message(jobs: BackgroundJobs[Any], name: Hashable, text: str) -> dict[str, Any]:
    job = jobs.get(name)
    return {"mark": _mark(job), "items": {"job": _item(job, text).values()}}


def _mark(job: BackgroundJob[Any] | None) -> str:
    return str(job is not None and job.over)


def _item(job: BackgroundJob[Any] | None, text: str) -> Item:
    if job is None or not job.done:
        return Item(text=f"{text} …")
    text = f"{text}: {job.done:,} of {job.total:,}"
    if (left := job.seconds_left) is not None:
        text = f"{text}, {format_time_left(left)}"
    return Item(text=text, share=min(job.done / max(job.total, 1), 1))


def _start_when_idle(
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
