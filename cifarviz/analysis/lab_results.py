"""What became of one run among several that are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cifarviz.analysis.overfitting import Fit, judge_run
from cifarviz.runs.kept_weights import restored_best_weights
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState


@dataclass(frozen=True)
class Result:
    """A run up to an epoch, by the epoch whose weights it has then.

    ``label`` is what it has and the others don't. ``trained`` of ``planned`` epochs are done, and
    the first ``epochs`` of them are looked at; ``kept`` is the epoch of its weights, an earlier
    one where early stopping gave those back. Losses in nats, accuracies 0–1, both after ``kept``.
    ``ended``: it is over by itself, not stopped. ``train_images`` and ``validation_images``: how
    many it learned from and was measured on.
    """

    label: str
    epochs: int
    trained: int
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


def result_of(
    label: str, run: Run, history: Sequence[Epoch], until: int | None = None
) -> Result | None:
    """The result of ``run`` with this history; ``None`` before its first validated epoch.

    ``until``: leave out what came after that epoch.
    """
    whole = [one for one in history if one.val_loss is not None and one.val_accuracy is not None]
    trained = whole[-1].epoch if whole else 0
    restored = run.best_epoch if restored_best_weights(run) else None
    judged = run
    if until is not None and until < trained:
        whole, restored = [one for one in whole if one.epoch <= until], None
        # As it was after that epoch, when it went on.
        judged = replace(run, state=RunState.RUNNING)
    if not whole:
        return None
    kept = next((one for one in whole if one.epoch == restored), whole[-1])
    assert kept.val_loss is not None
    assert kept.val_accuracy is not None
    return Result(
        label=label,
        epochs=whole[-1].epoch,
        trained=trained,
        planned=run.experiment.epochs,
        kept=kept.epoch,
        loss=kept.loss,
        accuracy=kept.accuracy,
        val_loss=kept.val_loss,
        val_accuracy=kept.val_accuracy,
        lowest_val_loss=min(one.val_loss for one in whole if one.val_loss is not None),
        fit=judge_run(judged, whole),
        ended=run.state is RunState.FINISHED,
        train_images=run.train_images or 0,
        validation_images=run.validation_images or 0,
    )


def common_epoch(results: Sequence[Result]) -> int | None:
    """The epoch that all of them have reached, where one was cut short; ``None``: none was.

    Those that ended by themselves before it count as they ended.
    """
    return min((one.trained for one in results if not one.ended), default=None)
