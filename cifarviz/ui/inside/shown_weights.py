"""Which epoch of a run its weights are of, and what they are called."""

from cifarviz.runs.kept_weights import given_back
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.runs.states import RunState
from cifarviz.ui.pickers import checkpoint_words


def epoch_of(run: Run, which: Weights) -> int | None:
    """The epoch after which a run had these weights; ``None`` in the middle of one."""
    if isinstance(which, int):
        return which
    if which == "best" or given_back(run):
        return run.best_epoch
    # One that was stopped may have been in the middle of an epoch.
    return run.epochs_done if run.state.active or run.state is RunState.FINISHED else None


def weights_words(run: Run, which: Weights) -> str:
    """What a person calls these weights: "as it ended, after epoch 30", for one."""
    epoch = epoch_of(run, which)
    if isinstance(which, int):
        return f"after epoch {epoch}" if epoch else "before training"
    words = checkpoint_words(run, which)
    return words if epoch is None or f"epoch {epoch}" in words else f"{words}, after epoch {epoch}"
