"""Training one run, from its stored experiment to its last checkpoint.

Reads from top to bottom as it happens: data, network, epochs, validation. A loop of our own
rather than ``fit``: it sees each batch's own loss, stops within a chunk of steps, also in
the middle of validation, and goes on from any step as if it had never been cut off.
"""

import time
from typing import Literal

import numpy as np
import tensorflow as tf

from cifarviz.data import library
from cifarviz.errors import TrainingFailed
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.schedules import learning_rates
from cifarviz.network.build import build
from cifarviz.runs.records import Epoch, scaling_to_json
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.checkpoint import Position, restore_last, save_best, save_last
from cifarviz.training.optimizers import build_optimizer
from cifarviz.training.plan import epoch_order, make_plan
from cifarviz.training.recorder import Recorder
from cifarviz.training.step import TrainingStep, ValidationStep

# Seconds that one call of the compiled step should take: charts move at least four times a
# second, and a stop need not wait long.
_CHUNK_SECONDS = 0.15
_LONGEST_CHUNK = 512


def train(store: RunStore, run_id: str, settings: Settings) -> bool:
    """Train a run to its end; returns ``False`` if it was asked to stop.

    Raises ``TrainingFailed``, ``StorageFull`` and the errors of data and checkpoints.
    """
    try:
        return _Training(store, run_id, settings).run()
    except tf.errors.ResourceExhaustedError as error:
        raise TrainingFailed(
            "There was not enough memory for this network and batch size. Choose a smaller "
            "batch or a smaller network."
        ) from error


def resolve_precision(experiment: Experiment) -> Literal["float32", "bfloat16"]:
    """The precision to train in: ``auto`` is float32 for now."""
    return "float32" if experiment.precision == "auto" else experiment.precision


class _Training:
    def __init__(self, store: RunStore, run_id: str, settings: Settings) -> None:
        self.store, self.run_id = store, run_id
        self.folder = store.folder(run_id)
        run = store.get(run_id)
        self.experiment = experiment = run.experiment
        data = library.load(experiment.data.dataset, experiment.data.variant, settings)
        self.plan = plan = make_plan(experiment, data)
        precision = resolve_precision(experiment)
        store.describe(
            run_id,
            train_images=len(plan.train),
            validation_images=len(plan.validation) if plan.validation else None,
            precision=precision,
            scaling=scaling_to_json(plan.scaling),
        )
        self.model = build(
            experiment.architecture,
            plan.scaling,
            l2=experiment.l2,
            seed=experiment.seed,
            precision=precision,
        )
        self.optimizer = build_optimizer(experiment.optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self.position = restore_last(self.folder, self.model, self.optimizer)
        store.rewind(run_id, step=self.position.step, epoch=self.position.epochs_done)
        self.rates = learning_rates(
            experiment.schedule,
            experiment.optimizer.learning_rate,
            plan.steps_per_epoch,
            experiment.epochs,
        )
        self.train_step = TrainingStep(self.model, self.optimizer, experiment, plan.train)
        self.validation_step = (
            ValidationStep(self.model, experiment, plan.validation) if plan.validation else None
        )
        self.recorder = Recorder(
            store,
            run_id,
            epochs=experiment.epochs,
            steps_per_epoch=plan.steps_per_epoch,
        )
        self.recorder.step = self.position.step
        self.speed = _Speed()

    def run(self) -> bool:
        best = self.store.get(self.run_id).best_loss
        for number in range(self.position.epochs_done + 1, self.experiment.epochs + 1):
            began = time.monotonic()
            self.recorder.epoch = number
            if not self.train_epoch(number) or (validated := self.validate()) is None:
                self.recorder.flush()
                save_last(self.folder, self.model, self.optimizer, self.position)
                self.store.describe(self.run_id, images_per_second=self.speed.overall)
                return False
            epoch = self.finished_epoch(number, validated, time.monotonic() - began)
            self.recorder.phase = "saving"
            # The history first: a checkpoint must never be ahead of it, since what is behind
            # the checkpoint is trained again.
            self.recorder.flush(epoch)
            watched = epoch.loss if epoch.val_loss is None else epoch.val_loss
            if best is None or watched < best:
                best = watched
                save_best(self.folder, self.model, number)
            self.position = Position(step=self.position.step, epochs_done=number)
            save_last(self.folder, self.model, self.optimizer, self.position)
            self.store.describe(self.run_id, images_per_second=self.speed.overall)
        return True

    def train_epoch(self, number: int) -> bool:
        """The rest of an epoch; ``False`` if asked to stop."""
        self.recorder.enter("training")
        plan, position = self.plan, self.position
        order = epoch_order(self.experiment.seed, number, len(plan.train))
        first_of_epoch = (number - 1) * plan.steps_per_epoch
        while (done := position.step - first_of_epoch) < plan.steps_per_epoch:
            if self.recorder.stop_requested():
                return False
            batches = _next_batches(order, done, plan.batch_size, self.speed.chunk)
            steps = len(batches)
            began = time.monotonic()
            loss, accuracy = self.train_step(
                batches, self.rates[position.step : position.step + steps], position.step + 1
            )
            self.speed.note(number, batches.size, steps, time.monotonic() - began)
            self.recorder.images_per_second = self.speed.current
            self.recorder.seconds_per_step = self.speed.seconds_per_step
            if not np.isfinite(loss).all():
                self.fail_at(position.step + int(np.argmin(np.isfinite(loss))) + 1)
            size = batches.shape[1]
            position.images += batches.size
            position.loss_sum += float(loss.sum(dtype=np.float64)) * size
            position.hits += float(accuracy.sum(dtype=np.float64)) * size
            position.step += steps
            self.recorder.batches(position.step - steps + 1, loss, accuracy)
        return True

    def fail_at(self, step: int) -> None:
        self.recorder.flush()
        raise TrainingFailed(
            f"The loss was no longer a number at training step {step}: the weights grew out of "
            "bounds. Lower the learning rate and train again."
        )

    def validate(self) -> tuple[float | None, float | None] | None:
        """Mean loss and accuracy; ``None`` if asked to stop meanwhile."""
        if self.validation_step is None or self.plan.validation is None:
            return (None, None)
        self.recorder.enter("validating")
        began = time.monotonic()
        loss_sum, hits = 0.0, 0
        for first in self.validation_step.batches:
            if self.recorder.stop_requested():
                return None
            batch_loss, batch_hits = self.validation_step(first)
            loss_sum, hits = loss_sum + batch_loss, hits + batch_hits
            self.recorder.beat()
        self.recorder.seconds_per_validation = time.monotonic() - began
        if not np.isfinite(loss_sum):
            self.fail_at(self.position.step)
        images = len(self.plan.validation)
        return loss_sum / images, hits / images

    def finished_epoch(
        self, number: int, validated: tuple[float | None, float | None], seconds: float
    ) -> Epoch:
        position = self.position
        return Epoch(
            epoch=number,
            loss=position.loss_sum / position.images,
            accuracy=position.hits / position.images,
            val_loss=validated[0],
            val_accuracy=validated[1],
            learning_rate=float(f"{self.rates[position.step - 1]:.7g}"),
            seconds=seconds,
        )


class _Speed:
    """How fast it goes, and how many steps fit into one call."""

    def __init__(self) -> None:
        self.chunk = 1
        self.seconds_per_step: float | None = None
        self.current: float | None = None
        self._first_epoch: int | None = None
        self._later = [0, 0.0]
        self._first = [0, 0.0]
        self._warm = False

    def note(self, epoch: int, images: int, steps: int, seconds: float) -> None:
        if not self._warm:
            # The first execution builds and traces; it says nothing about speed.
            self._warm, self._first_epoch = True, epoch
            return
        total = self._first if epoch == self._first_epoch else self._later
        total[0] += images
        total[1] += seconds
        new = seconds / steps
        old = self.seconds_per_step
        self.seconds_per_step = new if old is None else 0.8 * old + 0.2 * new
        self.current = images / steps / self.seconds_per_step
        self.chunk = int(np.clip(_CHUNK_SECONDS / self.seconds_per_step, 1, _LONGEST_CHUNK))

    @property
    def overall(self) -> float | None:
        """Images a second from the second epoch on; of the first while there is no other."""
        images, seconds = self._later if self._later[0] else self._first
        return images / seconds if seconds else None


def _next_batches(order: np.ndarray, done: int, batch_size: int, most: int) -> np.ndarray:
    """The next batches of an epoch as rows; a smaller last batch comes alone."""
    first = done * batch_size
    whole = min(most, (len(order) - first) // batch_size)
    if whole == 0:
        return order[None, first:]
    return order[first : first + whole * batch_size].reshape(whole, batch_size)
