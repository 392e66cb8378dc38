"""What a run's weights are called."""

from cifarviz.runs.kept_weights import epoch_of
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui.pickers import checkpoint_words


def weights_words(run: Run, which: Weights) -> str:
    """What a person calls these weights: "as it ended, after epoch 30", for one."""
    epoch = epoch_of(run, which)
    if isinstance(which, int):
        return f"after epoch {epoch}" if epoch else "before training"
    words = checkpoint_words(run, which)
    return words if epoch is None or f"epoch {epoch}" in words else f"{words}, after epoch {epoch}"
