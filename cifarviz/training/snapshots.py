"""Keeps, while a run trains, what it will be looked back at by."""

import logging

import keras
import numpy as np

from cifarviz.data.datasets import Dataset, Split
from cifarviz.errors import CifarvizError
from cifarviz.experiment.experiment import TestValidation
from cifarviz.network.stateless import stateless_network
from cifarviz.network.variables import to_arrays
from cifarviz.runs.kept_maps import keep_maps
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import is_weights_epoch, keep_answers, keep_weights, thin
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import Plan

log = logging.getLogger(__name__)


class SnapshotKeeper:
    """Writes a run's snapshots within ``budget`` bytes; it never stops a run.

    Answers are about the validation images of ``plan``, feature maps of the test images of
    ``data`` that are pinned just then. A run that is to keep its best weights only leaves no
    others.
    """

    def __init__(self, store: RunStore, run: Run, budget: int, plan: Plan, data: Dataset) -> None:
        self._store, self._folder, self._budget = store, store.folder(run.id), budget
        self._experiment, self._plan, self._data = run.experiment, plan, data
        on_test = isinstance(run.experiment.validation, TestValidation)
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
            if first or is_weights_epoch(epoch):
                arrays = to_arrays(model)
                if not self._experiment.best_only:
                    keep_weights(self._folder, epoch, arrays)
                self._keep_maps(epoch, arrays)
            if probabilities is not None and self._plan.validation is not None:
                indices = self._plan.validation.indices
                keep_answers(self._folder, epoch, self._split, indices, probabilities)
            thin(self._folder, self._budget)
        except (CifarvizError, OSError) as error:
            # They are for looking back, so training goes on without them.
            log.warning("run %s keeps no more snapshots: %s", self._folder.name, error)
            self._given_up = True

    def _keep_maps(self, epoch: int, arrays: dict[str, np.ndarray]) -> None:
        pins = pinned_images(self._store, self._data.info)
        images = self._data.test.having(pins)
        if not len(images):
            return
        # In float32 and with the weights as they are kept, as Inside would show them.
        network = stateless_network(
            self._experiment.architecture, mirrored_answers=self._experiment.mirrored_answers
        )
        outputs = network.observe_all(network.weights(arrays, self._plan.scaling), images.images)
        keep_maps(self._folder, epoch, images.indices, outputs)
