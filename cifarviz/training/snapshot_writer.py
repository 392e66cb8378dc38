"""Writes the snapshots of a run while it trains."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from cifarviz.data.image_set import Dataset, Split
from cifarviz.errors import ArtifactDamaged
from cifarviz.experiment.activation_images import activation_images
from cifarviz.experiment.experiment import Experiment, TestValidation
from cifarviz.network.inference import log_probabilities
from cifarviz.network.layer_samples import (
    sample_layers,
    to_samples,
)
from cifarviz.network.stateless import StatelessNetwork, stateless_network
from cifarviz.network.variables import to_arrays
from cifarviz.runs.artifacts import Artifacts
from cifarviz.runs.layer_histograms import (
    HistogramKind,
    make_histogram,
    save_histograms,
)
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


# An image takes three times as long with its gradients as without.
_GRADIENT_SHARE = 4


class SnapshotWriter:
    """Writes a run's snapshots within ``budget`` bytes; its errors never stop a run.

    Predictions are for the validation images of ``plan`` and, with wrong labels, for its tracked
    training images; feature maps are of the test images of ``data`` with the official indices
    that ``pinned_images`` returns at that time.
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
        self._failed = self._histograms_failed = False

    def save(
        self,
        epoch: int,
        model: keras.Model,
        predictions: Predictions | None,
        *,
        first: bool = False,
    ) -> None:
        """Save the snapshots after ``epoch`` (0: before the first).

        ``predictions`` are for the validation images. With ``first``, for the epoch that a run
        starts from, weights are saved whatever its number.
        """
        if self._idle:
            return
        with self._within_budget():
            if first or is_weights_epoch(epoch):
                self._save_weights(epoch, model)
            if predictions is not None and self._plan.validation is not None:
                indices = self._plan.validation.indices
                save_predictions(self._artifacts, epoch, self._split, indices, predictions)
            if epoch and len(self._plan.tracked):
                self._save_train_predictions(epoch, model)
            if not self._histograms_failed:
                self._try_histograms(epoch, model)

    def save_last_weights(self, epoch: int, model: keras.Model) -> None:
        """Save the weights of the last epoch, if no checkpoint will hold them."""
        stopping = self._experiment.early_stopping
        restores_best = stopping is not None and stopping.restore_best_weights
        if self._idle or not (restores_best or self._experiment.best_only):
            return
        with self._within_budget():
            # A run that was killed at its very end may have restored its best weights already.
            if not self._artifacts.exists(snapshot_name("weights", epoch)):
                self._save_weights(epoch, model)

    def _try_histograms(self, epoch: int, model: keras.Model) -> None:
        try:
            self.save_histograms(epoch, model)
        except OSError:
            raise
        except Exception:
            # Such as too little memory for the gradients: all other snapshots are saved.
            log.warning("the run saves no more histograms", exc_info=True)
            self._histograms_failed = True

    def save_histograms(self, epoch: int, model: keras.Model) -> None:
        """Save the histograms after ``epoch``; errors of the disk are raised."""
        network, plan = self._network(), self._plan
        try:
            weights = network.weights(to_arrays(model), plan.scaling)
        except ArtifactDamaged:
            # They are not finite, as training has diverged.
            return
        size = activation_images(self._experiment.architecture, len(plan.train))
        shown = (plan.validation or plan.train).images[:size]
        batch = plan.train.take(range(min(max(size // _GRADIENT_SHARE, 1), len(plan.train))))
        labels = batch.labels.astype(np.int32)
        found: dict[HistogramKind, Any] = network.compute(
            weights, sample_layers, shown, batch.images, labels
        )
        histograms = {
            kind: tuple(map(make_histogram, to_samples(facts))) for kind, facts in found.items()
        }
        save_histograms(self._artifacts, epoch, histograms)

    @property
    def _idle(self) -> bool:
        return self._failed or not self._budget

    @contextmanager
    def _within_budget(self) -> Iterator[None]:
        try:
            yield
            thin(self._artifacts, self._budget)
        except Exception:
            # Training does not need them, so it goes on whatever the error.
            log.warning("the run saves no more snapshots", exc_info=True)
            self._failed = True

    def _save_weights(self, epoch: int, model: keras.Model) -> None:
        arrays = to_arrays(model)
        save_weights(self._artifacts, epoch, arrays)
        self._save_maps(epoch, arrays)

    def _save_train_predictions(self, epoch: int, model: keras.Model) -> None:
        watched = self._plan.train.take(self._plan.tracked)
        found = Predictions(log_probabilities(model, watched.images))
        save_predictions(
            self._artifacts, epoch, "train", watched.indices, found, kind="train_predictions"
        )

    def _save_maps(self, epoch: int, arrays: dict[str, np.ndarray]) -> None:
        images = self._data.test.having(self._pinned_images())
        if not len(images):
            return
        # In float32 and from the saved weights, as Inside would show them.
        network = self._network()
        outputs = network.observe_all(network.weights(arrays, self._plan.scaling), images.images)
        save_maps(self._artifacts, epoch, images.indices, outputs)

    def _network(self) -> StatelessNetwork:
        return stateless_network(self._experiment.architecture, self._experiment.prediction_views)
