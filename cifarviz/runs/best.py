"""Which epoch of a run was best, and for how long nothing better has come."""

from collections.abc import Sequence

from cifarviz.experiment.experiment import Monitor
from cifarviz.runs.records import Epoch


def best_of(epochs: Sequence[Epoch], monitor: Monitor) -> Epoch | None:
    """The epoch with the lowest loss or the highest accuracy, the first of equals.

    On the validation images; on the training images where there are none. ``None`` of none.
    """
    return max(epochs, key=lambda epoch: _goodness(epoch, monitor), default=None)


def epochs_since_best(epochs: Sequence[Epoch], monitor: Monitor) -> int:
    """How many epochs have come since the best one without being better."""
    best = best_of(epochs, monitor)
    return 0 if best is None else epochs[-1].epoch - best.epoch


def _goodness(epoch: Epoch, monitor: Monitor) -> float:
    if monitor == "accuracy":
        return epoch.accuracy if epoch.val_accuracy is None else epoch.val_accuracy
    return -(epoch.loss if epoch.val_loss is None else epoch.val_loss)
