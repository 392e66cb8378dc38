"""What a fork has behind it: the epochs of its parent, of that one's parent, and so on."""

from cifarviz.errors import RunNotFound
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.store import RunStore


def epochs_before(store: RunStore, run: Run) -> list[Epoch]:
    """The epochs that led to where ``run`` began, from 1; none if it is no fork.

    Of parents that are deleted nothing is known any more.
    """
    found: list[Epoch] = []
    seen = {run.id}
    while run.parent is not None and run.parent_epoch is not None:
        last = run.parent_epoch
        found[:0] = [epoch for epoch in store.epochs(run.parent) if epoch.epoch <= last]
        if run.parent in seen:
            break
        seen.add(run.parent)
        try:
            run = store.get(run.parent)
        except RunNotFound:
            break
    return found


def ancestors(store: RunStore, run: Run) -> list[Run]:
    """The parent of ``run``, the parent's, and so on, as far as they are still here."""
    found: list[Run] = []
    while run.parent is not None and run.parent not in {one.id for one in found}:
        try:
            run = store.get(run.parent)
        except RunNotFound:
            break
        found.append(run)
    return found


def branch_point(store: RunStore, run: Run) -> Epoch | None:
    """The epoch of its parent that a fork began after; ``None`` if that is not known."""
    if run.parent is None:
        return None
    epochs = store.epochs(run.parent)
    return next((epoch for epoch in epochs if epoch.epoch == run.parent_epoch), None)
