"""A run's accuracy and training time as text, for all pages and the report.

Every accuracy is shown with its images, its epoch and how that epoch was chosen. The headline of a
run is the validation accuracy after its best epoch, which its experiment's monitor determines.
"""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cifarviz.errors import CifarvizError
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.experiment import Monitor
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState

_VALIDATION = "{accuracy} validation, epoch {epoch} ({criterion})"
_TEST_VALIDATION = "{accuracy} validation (test images), epoch {epoch} ({criterion})"
_NO_VALIDATION = "epoch {epoch} ({criterion}), no validation"

# By the monitor, and whether there are validation images.
_CRITERIA: Mapping[tuple[Monitor, bool], str] = MappingProxyType(
    {
        ("loss", True): "lowest validation loss",
        ("loss", False): "lowest training loss",
        ("accuracy", True): "highest validation accuracy",
        ("accuracy", False): "highest training accuracy",
    }
)


def headline(run: Run, accuracy: str | None = None) -> str:
    """``72.0% validation, epoch 8 (lowest validation loss)``; empty before the first epoch.

    ``accuracy`` replaces the formatted number.
    """
    if run.best_epoch is None:
        return ""
    share, criterion = run.best_epoch_val_accuracy, best_criterion(run)
    if share is None:
        return _NO_VALIDATION.format(epoch=run.best_epoch, criterion=criterion)
    return _validation_template(run).format(
        accuracy=accuracy or f"{share:.1%}", epoch=run.best_epoch, criterion=criterion
    )


def highest_accuracy(run: Run) -> str:
    """``72.7% validation, epoch 26 (highest validation accuracy)``; empty if not higher."""
    shown, highest = run.best_epoch_val_accuracy, run.best_val_accuracy
    if shown is None or highest is None or f"{shown:.1%}" == f"{highest:.1%}":
        return ""
    return _validation_template(run).format(
        accuracy=f"{highest:.1%}",
        epoch=run.best_val_accuracy_epoch,
        criterion=_CRITERIA["accuracy", True],
    )


def last_accuracy(run: Run, accuracy: str | None = None) -> str:
    """``71.4% validation, epoch 30 (last epoch)``; empty without validation.

    ``accuracy`` replaces the formatted number.
    """
    share = run.last_val_accuracy
    if share is None:
        return ""
    return _validation_template(run).format(
        accuracy=accuracy or f"{share:.1%}", epoch=run.epochs_done, criterion="last epoch"
    )


def best_criterion(run: Run) -> str:
    """Return how a run's best epoch is chosen, such as ``lowest validation loss``."""
    try:
        monitor = run.experiment.monitor
    except CifarvizError:
        # The experiment cannot be read.
        return "best epoch"
    return _CRITERIA[monitor, run.best_val_accuracy is not None]


def _validation_template(run: Run) -> str:
    try:
        on_test = isinstance(run.experiment.validation, TestValidation)
    except CifarvizError:
        return _VALIDATION
    return _TEST_VALIDATION if on_test else _VALIDATION


def time_at_work(run: Run, now: float | None = None) -> float | None:
    """Return seconds of training over all resumes, without pauses; ``None`` if not started."""
    if run.started is None:
        return None
    if run.progress is None or run.state not in (RunState.RUNNING, RunState.STOPPING):
        return run.seconds
    # ``run.seconds`` ends at the last heartbeat.
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


def format_time_left(seconds: float) -> str:
    """``about 48 s left``, ``less than a second left``."""
    return "less than a second left" if seconds < 1 else f"about {format_duration(seconds)} left"


def best_of(epochs: Sequence[Epoch], monitor: Monitor) -> Epoch | None:
    """Return the epoch with the lowest loss or the highest accuracy, the first of equals.

    On the validation images, or on the training images without validation. ``None`` without epochs.
    """
    return max(epochs, key=lambda epoch: _score(epoch, monitor), default=None)


def epochs_since_best(epochs: Sequence[Epoch], monitor: Monitor) -> int:
    """Return the number of epochs after the best one."""
    best = best_of(epochs, monitor)
    return 0 if best is None else epochs[-1].epoch - best.epoch


def _score(epoch: Epoch, monitor: Monitor) -> float:
    if monitor == "accuracy":
        return epoch.accuracy if epoch.val_accuracy is None else epoch.val_accuracy
    return -(epoch.loss if epoch.val_loss is None else epoch.val_loss)
