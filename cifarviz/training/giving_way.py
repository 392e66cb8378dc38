"""A run in training gives way to shorter ones of other people, if its owner allows it.

It is stopped as by a person, which saves its weights at any step, waits at its place in the queue,
and goes on from that step.
"""

from collections.abc import Sequence
from typing import Final

from cifarviz.runs.predecessors import find_predecessor
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.queue_estimate import queue_estimator

MIN_SECONDS: Final = 120.0
"""A run trains at least so long before it gives way, and between two times."""
GIVE_WAY: Final = "Give way to shorter runs"
GIVE_WAY_HELP: Final = (
    "While this run trains and somebody else’s shorter run is next in the queue, it pauses for "
    "that one and then goes on exactly where it was, after at least "
    f"{MIN_SECONDS / 60:.0f} minutes of training each time."
)
"""The choice and its rule in the words of the pages."""


def give_way(store: RunStore, began: Run) -> bool:
    """Have a run in training stop for a shorter one that is next; returns whether it does.

    ``began`` is its record when it started to train.
    """
    run = store.get(began.id)
    if not run.gives_way or run.state is not RunState.RUNNING:
        return False
    return run.seconds - began.seconds >= MIN_SECONDS and yield_to_next(store, run)


def yield_to_next(store: RunStore, run: Run) -> bool:
    """Let the run whose turn it is pass ``run``, if it is a shorter one of another person.

    Returns whether it goes first.
    """
    active = store.active()
    following = _find_next(store, active)
    if not run.gives_way or following is None or following.owner == run.owner:
        return False
    # It would start and wait, perhaps for this run.
    if find_predecessor(store, following) is not None:
        return False
    left = queue_estimator(store).seconds_left(active)
    own, others = left.get(run.id), left.get(following.id)
    return (own is not None and others is not None and others < own) and store.request_give_way(
        run.id, following.id
    )


def _find_next(store: RunStore, active: Sequence[Run]) -> Run | None:
    """Return the run whose turn it is; ``None`` also if that one gave way to another itself."""
    following = store.next_in_turn()
    return next((one for one in active if one.id == following and one.gave_way_to is None), None)
