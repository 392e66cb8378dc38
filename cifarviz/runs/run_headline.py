"""The number that stands for a run, and its time at work, as every page and the report write them.

An accuracy means nothing without its images, its epoch and why that one. The headline of a run is
that on the validation images after its best epoch, by the run's own monitor; those of other epochs
are written by ``highest`` and ``last``.
"""

import time
from collections.abc import Sequence

from cifarviz.errors import CifarvizError
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.experiment import Monitor
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState


def headline(run: Run, accuracy: str | None = None) -> str:
    """``72.0% validation, epoch 8 (lowest validation loss)``; nothing before the first epoch.

    ``accuracy`` takes the place of the number, for who adds something to it.
    """
    if run.best_epoch is None:
        return ""
    share = run.best_epoch_val_accuracy
    if share is None:
        return f"epoch {run.best_epoch} ({best_criterion(run)}), no validation"
    number = f"{share:.1%}" if accuracy is None else accuracy
    return f"{number} {validated_on(run)}, epoch {run.best_epoch} ({best_criterion(run)})"


def highest_accuracy(run: Run) -> str:
    """``72.7% validation, epoch 26 (highest validation accuracy)``, where the headline is lower."""
    own, top = run.best_epoch_val_accuracy, run.best_val_accuracy
    if own is None or top is None or f"{own:.1%}" == f"{top:.1%}":
        return ""
    epoch = run.best_val_accuracy_epoch
    return f"{top:.1%} {validated_on(run)}, epoch {epoch} (highest validation accuracy)"


def last_accuracy(run: Run, accuracy: str | None = None) -> str:
    """``71.4% validation, epoch 30 (last epoch)``; nothing where nothing was validated."""
    share = run.last_val_accuracy
    if share is None:
        return ""
    number = f"{share:.1%}" if accuracy is None else accuracy
    return f"{number} {validated_on(run)}, epoch {run.epochs_done} (last epoch)"


def best_criterion(run: Run) -> str:
    """What makes an epoch a run's best, such as ``lowest validation loss``."""
    images = "training" if run.best_val_accuracy is None else "validation"
    try:
        monitor = run.experiment.monitor
    except CifarvizError:
        # What it was made to do cannot be read.
        return "best epoch"
    return f"{'lowest' if monitor == 'loss' else 'highest'} {images} {monitor}"


def validated_on(run: Run) -> str:
    """``validation``, or ``validation (test images)`` where those took its place."""
    try:
        on_test = isinstance(run.experiment.validation, TestValidation)
    except CifarvizError:
        return "validation"
    return "validation (test images)" if on_test else "validation"


def time_at_work(run: Run, now: float | None = None) -> float | None:
    """Seconds at work so far, over all turns, pauses left out; ``None`` before its first turn."""
    if run.started is None:
        return None
    if run.progress is None or run.state not in (RunState.RUNNING, RunState.STOPPING):
        return run.seconds
    # What is stored goes up to its last sign of life.
    now = time.time() if now is None else now
    return run.seconds + max(now - run.progress.heartbeat, 0.0)


def format_duration(seconds: float) -> str:
    """``48 s``, ``3 min 05 s``, ``2 h 10 min``."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60:02d} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60:02d} min"


def best_of(epochs: Sequence[Epoch], monitor: Monitor) -> Epoch | None:
    """The epoch with the lowest loss or the highest accuracy, the first of equals.

    On the validation images; on the training images where there are none. ``None`` of none.
    """
    return max(epochs, key=lambda epoch: _score(epoch, monitor), default=None)


def epochs_since_best(epochs: Sequence[Epoch], monitor: Monitor) -> int:
    """How many epochs have come since the best one without being better."""
    best = best_of(epochs, monitor)
    return 0 if best is None else epochs[-1].epoch - best.epoch


def _score(epoch: Epoch, monitor: Monitor) -> float:
    if monitor == "accuracy":
        return epoch.accuracy if epoch.val_accuracy is None else epoch.val_accuracy
    return -(epoch.loss if epoch.val_loss is None else epoch.val_loss)
