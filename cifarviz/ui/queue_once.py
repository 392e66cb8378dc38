"""A second click on what queues runs leads to what the first one has queued."""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import streamlit as st

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.ui import cache, state

Queued = TypeVar("Queued")

_QUEUEING = threading.Lock()


def queue_once(
    wanted: Hashable, queue: Callable[[], Queued], run_ids: Callable[[Queued], Sequence[str]]
) -> Queued:
    """What ``queue`` makes; or what it made before, while a run of that is still to be waited for.

    Of two quick clicks the second is answered before the browser could show what the first has
    begun. The rule: what this browser session has queued with the same ``wanted`` (experiments and
    whatever else a person chose: a name, but none that was made up) is taken again as long as one
    of its runs waits, trains or is paused. Once all have ended, or are about to be stopped, the
    same is queued anew, as it is at once with another seed or setting, or by somebody else.
    """
    # On a laden machine the second click may be answered before the first one's has been queued.
    with _QUEUEING:
        # Fetched before anything is queued: Streamlit may break the script off for a newer click
        # wherever it touches the session state, and then what was queued would not be known.
        queued = state.queued_before()
        before = queued.get(wanted)
        if before is None or not _any_goes_on(before[0]):
            made = queue()
            queued[wanted] = (tuple(run_ids(made)), made)
            return made
    st.toast(
        "This waits or trains already, so it was not queued a second time.",
        icon=":material/info:",
    )
    return before[1]


def queue_fork_once(
    run: Run, epoch: int, experiment: Experiment, usual: str, typed: str = ""
) -> Run:
    """``queue_once`` of a fork, called as was ``typed``, or as is ``usual`` for it.

    Raises what ``Worker.fork`` does.
    """
    worker = cache.worker()
    return queue_once(
        ("fork", run.id, epoch, experiment.to_json(), typed),
        lambda: worker.fork(run.id, epoch, experiment, typed or usual),
        lambda made: [made.id],
    )


def _any_goes_on(run_ids: Sequence[str]) -> bool:
    return any(run.id in run_ids and _goes_on(run) for run in cache.store().active())


def _goes_on(run: Run) -> bool:
    return run.state is not RunState.STOPPING and run.requested != Action.STOP
