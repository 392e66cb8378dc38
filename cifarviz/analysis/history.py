"""A run's epochs as a table."""

from collections.abc import Iterable
from math import inf, isfinite
from typing import Final, Protocol

import pandas as pd

from cifarviz.experiment.experiment import Monitor

COLUMNS: Final = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
)


class EpochRecord(Protocol):
    """One finished epoch, as the run store keeps it; what was not measured is ``None``."""

    @property
    def epoch(self) -> int: ...
    @property
    def loss(self) -> float | None: ...
    @property
    def accuracy(self) -> float | None: ...
    @property
    def val_loss(self) -> float | None: ...
    @property
    def val_accuracy(self) -> float | None: ...
    @property
    def learning_rate(self) -> float | None: ...
    @property
    def seconds(self) -> float | None: ...


def history_frame(epochs: Iterable[EpochRecord]) -> pd.DataFrame:
    """A row an epoch, with ``COLUMNS`` always: ``epoch`` int64, the others float64.

    NaN where nothing was measured.
    """
    rows = [[getattr(epoch, column) for column in COLUMNS] for epoch in epochs]
    types = dict.fromkeys(COLUMNS, "float64") | {"epoch": "int64"}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(types)


def best_epoch(epochs: Iterable[EpochRecord], monitor: Monitor = "loss") -> int | None:
    """Number of the epoch with the lowest loss or the highest accuracy, the first of equals.

    On the validation images, or on the training images where there are none: as the store and the
    best checkpoint have it. ``None`` if no epoch has such a figure.
    """
    badness = {epoch.epoch: _badness(epoch, monitor) for epoch in epochs}
    number = min(badness, key=badness.__getitem__, default=None)
    return None if number is None or badness[number] == inf else number


def _badness(epoch: EpochRecord, monitor: Monitor) -> float:
    if monitor == "accuracy":
        accuracy = epoch.accuracy if epoch.val_accuracy is None else epoch.val_accuracy
        return inf if accuracy is None else -accuracy
    loss = epoch.loss if epoch.val_loss is None else epoch.val_loss
    return loss if loss is not None and isfinite(loss) else inf
