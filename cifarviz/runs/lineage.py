"""The ancestors of a fork and their epochs."""

from cifarviz.errors import RunNotFound
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.store import RunStore


def inherited_epochs(store: RunStore, run: Run) -> list[Epoch]:
    """Return the epochs before the first one of ``run``, from 1; none if it is no fork.

    Those of deleted parents are missing.
    """
    epochs: list[Epoch] = []
    seen = {run.id}
    while run.parent is not None and run.parent_epoch is not None:
        last = run.parent_epoch
        epochs[:0] = [epoch for epoch in store.epochs(run.parent) if epoch.epoch <= last]
        if run.parent in seen:
            break
        seen.add(run.parent)
        try:
            run = store.get(run.parent)
        except RunNotFound:
            break
    return epochs


def ancestors(store: RunStore, run: Run) -> list[Run]:
    """Return the parent of ``run``, its parent, and so on, until one is deleted."""
    ancestors: list[Run] = []
    while run.parent is not None and run.parent not in {ancestor.id for ancestor in ancestors}:
        try:
            run = store.get(run.parent)
        except RunNotFound:
            break
        ancestors.append(run)
    return ancestors


def branch_point(store: RunStore, run: Run) -> Epoch | None:
    """Return the parent's epoch after which a fork began; ``None`` if it is unknown."""
    if run.parent is None:
        return None
    epochs = store.epochs(run.parent)
    return next((epoch for epoch in epochs if epoch.epoch == run.parent_epoch), None)
