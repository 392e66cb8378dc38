"""How a run ends: at its last epoch, early, or because it was stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_headline import best_of, epochs_since_best
from cifarviz.runs.states import RunState

DIVERGED: Final = (
    "The loss became NaN or infinite at training step {step}: training diverged. Lower the "
    "learning rate and train again."
)
"""The message of a run whose training diverged."""


@dataclass(frozen=True)
class Ending:
    """The state a run ends in, a message if there is one, and whether it stopped early."""

    state: RunState
    message: str | None = None
    stopped_early: int | None = None
    """The epoch after which it stopped early."""


def ending_after(experiment: Experiment, epochs: Sequence[Epoch]) -> Ending | None:
    """Return how a run with this history ends, or ``None`` if it continues.

    Only the history counts, so a resumed run stops at the same epoch as an uninterrupted one.
    """
    # By number, since a fork's first epoch is not 1.
    if epochs and epochs[-1].epoch >= experiment.epochs:
        return Ending(RunState.FINISHED)
    stopping = experiment.early_stopping
    best = best_of(epochs, experiment.monitor)
    if stopping is None or best is None:
        return None
    waited = epochs_since_best(epochs, experiment.monitor)
    if waited < stopping.patience:
        return None
    images = "training" if best.val_loss is None else "validation"
    count = "1 epoch" if waited == 1 else f"{waited} epochs"
    last = epochs[-1].epoch
    return Ending(
        RunState.FINISHED,
        f"Stopped early after epoch {last}: no better {images} {experiment.monitor} than in epoch "
        f"{best.epoch} for {count}.",
        last,
    )


def has_diverged(run: Run) -> bool:
    """Whether the run failed because its training diverged."""
    beginning, _, _ = DIVERGED.partition("{")
    return run.state is RunState.FAILED and (run.message or "").startswith(beginning)
