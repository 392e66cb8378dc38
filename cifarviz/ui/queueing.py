"""Queueing and stopping runs from a page, and estimates of their duration."""

import threading
from collections.abc import Callable, Hashable, Sequence
from math import ceil
from typing import TypeVar

import streamlit as st

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.settings import LOCAL, Settings
from cifarviz.training.estimate import Estimate
from cifarviz.training.local_places import place_count
from cifarviz.ui import cache, state
from cifarviz.ui.errors import errors_as_toast

Queued = TypeVar("Queued")
_QUEUEING = threading.Lock()
_SAME = 1.15


def queue_once(
    wanted: Hashable, queue: Callable[[], Queued], run_ids: Callable[[Queued], Sequence[str]]
) -> Queued:
    """Return ``queue()``, or its earlier result while a run of it is still active.

    Two quick clicks queue a run once: what this browser session queued with the same key ``wanted``
    (experiments and other choices, such as a typed name) is returned again while one of its runs is
    queued, running or paused and not about to stop. Otherwise it is queued again.
    """
    # On a busy machine the second click may come before the first has queued anything.
    with _QUEUEING:
        # Read before anything is queued: Streamlit may interrupt the script wherever it accesses
        # the session state, and the queued run would be forgotten.
        queued = state.queued_runs()
        before = queued.get(wanted)
        if before is None or not _is_any_going_on(before[0]):
            result = queue()
            queued[wanted] = (tuple(run_ids(result)), result)
            return result
    st.toast(
        "Already queued or training, so it was not queued again.",
        icon=":material/info:",
    )
    return before[1]


def queue_fork_once(
    run: Run, epoch: int, experiment: Experiment, usual: str, typed: str = ""
) -> Run:
    """Queue a fork once, named as ``typed``, else ``usual``; raises as ``Worker.fork`` does."""
    worker = cache.worker()
    return queue_once(
        ("fork", run.id, epoch, experiment.to_json(), typed),
        lambda: worker.fork(run.id, epoch, experiment, typed or usual),
        lambda result: [result.id],
    )


def _is_any_going_on(run_ids: Sequence[str]) -> bool:
    return any(run.id in run_ids and _is_going_on(run) for run in cache.store().active())


def _is_going_on(run: Run) -> bool:
    return run.state is not RunState.STOPPING and run.requested != Action.STOP


def stop_runs(run_ids: Sequence[str]) -> None:
    """Request a stop of the active runs among ``run_ids``; for callbacks."""
    with errors_as_toast():
        cache.store().stop_all(run_ids)


def format_order(settings: Settings) -> str:
    """Return how queued runs train: ``one after another``, ``2 at a time``."""
    if settings.executor != LOCAL:
        return "as places become free"
    places = place_count(settings)
    return "one after another" if places == 1 else f"{places} at a time"


def time_share(settings: Settings, runs: int) -> float:
    """Return the share of the time of equal ``runs`` after which all are done, 0 to 1."""
    return ceil(runs / place_count(settings)) / runs


def format_duration_range(estimate: Estimate, epochs: float = 1) -> str:
    """Format ``about 50 s``, or ``40 s to 1 min`` if the range exceeds 15% each way."""
    low, high = estimate.low * epochs, estimate.high * epochs
    if high < 1:
        return "under 1 s"
    if high / low <= _SAME**2:
        return f"about {_rounded((low * high) ** 0.5)}"
    shortest, longest = _rounded(low), _rounded(high)
    return f"about {shortest}" if shortest == longest else f"{shortest} to {longest}"


def format_estimate_basis(estimate: Estimate, precision: str | None) -> str:
    """Return what the estimate is based on, as a sentence."""
    if estimate.runs == 0 and precision is None:
        return "Rough estimate: nothing similar has run here."
    if estimate.runs == 0:
        return f"Rough estimate: nothing similar has run here in {precision}."
    if estimate.same:
        template = (
            "Based on 1 run of a network of this size on this machine."
            if estimate.runs == 1
            else "Based on {runs} runs of a network of this size on this machine."
        )
    else:
        template = (
            "Based on 1 run of the most similar network on this machine."
            if estimate.runs == 1
            else "Based on {runs} runs of the most similar networks on this machine."
        )
    return template.format(runs=estimate.runs)


def _rounded(seconds: float) -> str:
    """Format seconds with two digits at most."""
    if seconds < 1:
        return "1 s"
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= size * 1.5 or size == 1.0:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 9.5 or unit == "s" else f"{value:.1f} {unit}"
    raise AssertionError("every number of seconds is at least one")
