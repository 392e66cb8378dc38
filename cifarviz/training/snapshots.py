"""Keeps, while a run trains, what it will be looked back at by."""

import logging
from pathlib import Path

import keras
import numpy as np

from cifarviz.data.datasets import ImageSet, Split
from cifarviz.errors import StorageFull
from cifarviz.experiment.experiment import Experiment, TestValidation
from cifarviz.network.variables import to_arrays
from cifarviz.runs.snapshots import is_weights_epoch, keep_answers, keep_weights, thin

log = logging.getLogger(__name__)


class SnapshotKeeper:
    """Writes a run's snapshots within ``budget`` bytes; it never stops a run.

    ``validation`` are the images that the answers are about. A run that is to keep its best
    weights only leaves answers only.
    """

    def __init__(
        self, folder: Path, budget: int, experiment: Experiment, validation: ImageSet | None
    ) -> None:
        self._folder, self._budget, self._weights = folder, budget, not experiment.best_only
        self._validation = validation
        on_test = isinstance(experiment.validation, TestValidation)
        self._split: Split = "test" if on_test else "train"
        self._given_up = False

    def keep(
        self,
        epoch: int,
        model: keras.Model,
        probabilities: np.ndarray | None,
        *,
        first: bool = False,
    ) -> None:
        """After ``epoch`` (0: before the first), with what validation has just found.

        Of the ``first``, which a run begins with, the weights are kept whatever its number.
        """
        if self._given_up or not self._budget:
            return
        try:
            if self._weights and (first or is_weights_epoch(epoch)):
                keep_weights(self._folder, epoch, to_arrays(model))
            if probabilities is not None and self._validation is not None:
                indices = self._validation.indices
                keep_answers(self._folder, epoch, self._split, indices, probabilities)
            thin(self._folder, self._budget)
        except (StorageFull, OSError) as error:
            # They are for looking back, so training goes on without them.
            log.warning("run %s keeps no more snapshots: %s", self._folder.name, error)
            self._given_up = True
