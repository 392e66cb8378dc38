"""Keeps, while a run trains, what it will be looked back at by."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from cifarviz.data.image_set import Dataset, Split
from cifarviz.experiment.experiment import Experiment, TestValidation
from cifarviz.network.inference import log_probabilities
from cifarviz.network.stateless import stateless_network
from cifarviz.network.variables import to_arrays
from cifarviz.runs.artifacts import Artifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.snapshots import (
    is_weights_epoch,
    save_predictions,
    save_weights,
    snapshot_name,
    thin,
)
from cifarviz.runs.stored_maps import save_maps
from cifarviz.training.plan import Plan

log = logging.getLogger(__name__)


class SnapshotWriter:
    """Writes a run's snapshots within ``budget`` bytes; it never stops a run.

    Answers are about the validation images of ``plan`` and, where it has wrong labels, about the
    training images that it watches; feature maps are of the test images of ``data`` with the
    official indices that ``pinned_images`` gives just then.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        experiment: Experiment,
        plan: Plan,
        data: Dataset,
        *,
        budget: int,
        pinned_images: Callable[[], Sequence[int]],
    ) -> None:
        self._artifacts, self._budget, self._pinned_images = artifacts, budget, pinned_images
        self._experiment, self._plan, self._data = experiment, plan, data
        on_test = isinstance(experiment.validation, TestValidation)
        self._split: Split = "test" if on_test else "train"
        self._given_up = False

    def save(
        self,
        epoch: int,
        model: keras.Model,
        predictions: Predictions | None,
        *,
        first: bool = False,
    ) -> None:
        """After ``epoch`` (0: before the first), with what validation has just found.

        Of the ``first``, which a run begins with, the weights are kept whatever its number.
        """
        if self._idle:
            return
        with self._within_budget():
            if first or is_weights_epoch(epoch):
                self._save_weights(epoch, model)
            if predictions is not None and self._plan.validation is not None:
                indices = self._plan.validation.indices
                save_predictions(self._artifacts, epoch, self._split, indices, predictions)
            if epoch and len(self._plan.watched):
                self._save_train_predictions(epoch, model)

    def save_last_weights(self, epoch: int, model: keras.Model) -> None:
        """Keep the weights that a run ended with, where its checkpoints will not hold them."""
        stopping = self._experiment.early_stopping
        restores_best = stopping is not None and stopping.restore_best_weights
        if self._idle or not (restores_best or self._experiment.best_only):
            return
        with self._within_budget():
            # One that was cut off at its very end may stand at its best weights by now.
            if not self._artifacts.exists(snapshot_name("weights", epoch)):
                self._save_weights(epoch, model)

    @property
    def _idle(self) -> bool:
        return self._given_up or not self._budget

    @contextmanager
    def _within_budget(self) -> Iterator[None]:
        try:
            yield
            thin(self._artifacts, self._budget)
        except Exception:
            # They are for looking back, so training goes on without them, whatever it was.
            log.warning("the run that trains keeps no more snapshots", exc_info=True)
            self._given_up = True

    def _save_weights(self, epoch: int, model: keras.Model) -> None:
        arrays = to_arrays(model)
        save_weights(self._artifacts, epoch, arrays)
        self._save_maps(epoch, arrays)

    def _save_train_predictions(self, epoch: int, model: keras.Model) -> None:
        watched = self._plan.train.take(self._plan.watched)
        found = Predictions(log_probabilities(model, watched.images))
        save_predictions(
            self._artifacts, epoch, "train", watched.indices, found, kind="train_predictions"
        )

    def _save_maps(self, epoch: int, arrays: dict[str, np.ndarray]) -> None:
        images = self._data.test.having(self._pinned_images())
        if not len(images):
            return
        # In float32 and with the weights as they are kept, as Inside would show them.
        network = stateless_network(
            self._experiment.architecture, mirrored_answers=self._experiment.mirrored_answers
        )
        outputs = network.observe_all(network.weights(arrays, self._plan.scaling), images.images)
        save_maps(self._artifacts, epoch, images.indices, outputs)
