"""Which weights a run has kept, and why those that somebody asks for are not there."""

from cifarviz.runs.artifacts import Checkpoint, checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore


def other_weights(which: Checkpoint) -> Checkpoint:
    """The other kind of weights that a run may have kept."""
    return "last" if which == "best" else "best"


def lacking_weights(store: RunStore, run: Run, which: Checkpoint) -> str | None:
    """What ``run`` has instead of these weights, as the rest of a sentence about it.

    ``None`` if it has them.
    """
    folder = store.folder(run.id)
    if checkpoint_path(folder, which).is_file():
        return None
    if not checkpoint_path(folder, other_weights(which)).is_file():
        if not run.epochs_done:
            return "has no weights: it has not finished an epoch"
        return "has no weights any more: their files were removed"
    if which == "best":
        return "has no weights of its best epoch any more, only those it ended with"
    if run.state is RunState.FINISHED and run.experiment.best_only:
        return "has kept the weights of its best epoch only, as it was set up to"
    return "has no weights as it ended any more, only those of its best epoch"
