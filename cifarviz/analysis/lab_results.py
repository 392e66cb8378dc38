"""What became of one run among several that are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from cifarviz.analysis.overfitting import Fit, judge_run
from cifarviz.runs.kept_weights import given_back
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState


@dataclass(frozen=True)
class Result:
    """A run as far as it has come, by the epoch whose weights it stands with.

    ``label`` is what it has and the others don't. ``epochs`` of ``planned`` were trained; ``kept``
    is the epoch of its weights, an earlier one where early stopping gave those back. Losses in
    nats, accuracies 0–1, both after ``kept``. ``ended``: it is over by itself, not stopped.
    ``train_images`` and ``validation_images``: how many it learned from and was measured on.
    """

    label: str
    epochs: int
    planned: int
    kept: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    lowest_val_loss: float
    fit: Fit
    ended: bool
    train_images: int
    validation_images: int

    @property
    def gap(self) -> float:
        """How far training accuracy is ahead of validation, −1 to 1."""
        return self.accuracy - self.val_accuracy


def result_of(label: str, run: Run, history: Sequence[Epoch]) -> Result | None:
    """The result of ``run`` with this history; ``None`` before its first validated epoch."""
    whole = [one for one in history if one.val_loss is not None and one.val_accuracy is not None]
    if not whole:
        return None
    stands_at = run.best_epoch if given_back(run) else None
    kept = next((one for one in whole if one.epoch == stands_at), whole[-1])
    assert kept.val_loss is not None
    assert kept.val_accuracy is not None
    return Result(
        label=label,
        epochs=whole[-1].epoch,
        planned=run.experiment.epochs,
        kept=kept.epoch,
        loss=kept.loss,
        accuracy=kept.accuracy,
        val_loss=kept.val_loss,
        val_accuracy=kept.val_accuracy,
        lowest_val_loss=min(one.val_loss for one in whole if one.val_loss is not None),
        fit=judge_run(run, whole),
        ended=run.state is RunState.FINISHED,
        train_images=run.train_images or 0,
        validation_images=run.validation_images or 0,
    )
