"""A run's epochs as a table."""

from collections.abc import Iterable
from math import inf, isfinite
from typing import Final, Protocol

import pandas as pd

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


def best_epoch(epochs: Iterable[EpochRecord]) -> int | None:
    """Number of the epoch with the lowest validation loss, the first of equals.

    Without validation, that with the lowest training loss: as the store and the best checkpoint
    have it. ``None`` if no epoch has a loss.
    """
    losses = {epoch.epoch: _watched(epoch) for epoch in epochs}
    number = min(losses, key=losses.__getitem__, default=None)
    return None if number is None or losses[number] == inf else number


def _watched(epoch: EpochRecord) -> float:
    loss = epoch.loss if epoch.val_loss is None else epoch.val_loss
    return loss if loss is not None and isfinite(loss) else inf
