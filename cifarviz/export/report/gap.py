"""How far training and validation lie apart, read off a history."""

from collections.abc import Sequence
from dataclasses import dataclass

from cifarviz.runs.records import Epoch


@dataclass(frozen=True)
class Gap:
    """Losses in nats and accuracies 0 to 1 after one epoch, on both kinds of images."""

    when: str
    epoch: int
    loss: float
    val_loss: float
    accuracy: float
    val_accuracy: float

    @property
    def of_loss(self) -> float:
        """By how much the validation loss is higher."""
        return self.val_loss - self.loss

    @property
    def of_accuracy(self) -> float:
        """By how much the training accuracy is higher."""
        return self.accuracy - self.val_accuracy


def gaps(epochs: Sequence[Epoch], best_epoch: int | None) -> list[Gap]:
    """The gap after the best epoch and after the last one; none without validation."""
    if not epochs:
        return []
    last = epochs[-1].epoch
    wanted = [("last epoch", last)]
    if best_epoch is not None:
        wanted = [
            ("best and last epoch", last) if best_epoch == last else ("best epoch", best_epoch)
        ] + ([] if best_epoch == last else wanted)
    by_number = {one.epoch: one for one in epochs}
    found = []
    for when, number in wanted:
        one = by_number.get(number)
        if one is None or one.val_loss is None or one.val_accuracy is None:
            continue
        found.append(Gap(when, number, one.loss, one.val_loss, one.accuracy, one.val_accuracy))
    return found


def gap_sentence(found: Sequence[Gap]) -> str:
    """What became of the gap between the best epoch and the last, in a sentence."""
    if len(found) < 2:
        return ""
    best, last = found
    moved = last.val_loss - best.val_loss
    fell = best.loss - last.loss
    return (
        f"From epoch {best.epoch} to {last.epoch} the training loss "
        f"{'fell' if fell >= 0 else 'rose'} by {abs(fell):.3f} and the validation loss "
        f"{'rose' if moved >= 0 else 'fell'} by {abs(moved):.3f}."
    )
