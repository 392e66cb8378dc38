"""Train a network, from an experiment and its data to the last checkpoint.

The file follows the order of training: data, network, epochs, validation. Unlike ``fit``, the loop
reports each batch's own loss, stops within a chunk of steps, also in the middle of validation,
and continues from any step as if it had never been interrupted.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from cifarviz.data.image_set import Dataset
from cifarviz.errors import CifarvizError, TrainingFailed
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.schedules import learning_rates
from cifarviz.network.inference import log_probability_batches
from cifarviz.runs.artifacts import Artifacts, Checkpoint, checkpoint_name
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Epoch, scaling_to_json
from cifarviz.runs.run_headline import best_of
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_predictions import save_checkpoint_predictions, save_epoch_predictions
from cifarviz.training.checkpoint import (
    Position,
    restore,
    restore_best,
    save_best,
    save_last,
)
from cifarviz.training.ending import DIVERGED, Ending, ending_after
from cifarviz.training.plan import epoch_order, make_plan
from cifarviz.training.precision import choose_precision, lacks_bfloat16
from cifarviz.training.recorder import Recorder
from cifarviz.training.reporting import RunStart, Sink, Timings
from cifarviz.training.snapshot_writer import SnapshotWriter
from cifarviz.training.speed import SpeedMeter, next_batches
from cifarviz.training.step import TrainingTensors, ValidationStep
from cifarviz.training.tensorboard_files import TensorBoardFiles
from cifarviz.training.timing import NO_INSTRUCTIONS, SHORT_RUN, Precision
from cifarviz.training.trainable import Trainable, make_trainable, training_failures

log = logging.getLogger(__name__)

TensorBoard = Callable[[int], TensorBoardFiles]
"""Makes the files of a run, given its next epoch."""


def train(
    experiment: Experiment,
    data: Dataset,
    sink: Sink,
    artifacts: Artifacts,
    start: RunStart,
    *,
    timings: Timings | None = None,
    snapshot_budget: int = 0,
    pinned_images: Callable[[], Sequence[int]] = tuple,
    tensorboard: TensorBoard | None = None,
) -> Ending:
    """Train until the experiment has finished or the sink asks to stop.

    Continues from ``start`` and ``artifacts``. ``timings`` store which precision was faster;
    snapshots take up to ``snapshot_budget`` bytes, feature maps are of the test images with the
    official indices ``pinned_images()``. Raises ``TrainingFailed``, ``StorageFull``, and what sink
    and artifacts do.
    """
    training = _Training(experiment, data, sink, artifacts, start, timings)
    try:
        with training_failures(lambda: training.precision):
            training.prepare(snapshot_budget, pinned_images, tensorboard)
            return training.run()
    except _Stopped:
        return Ending(RunState.STOPPED)


class _Stopped(Exception):
    """The run was stopped before its first step."""


class _ValidationResult(NamedTuple):
    """Mean loss and accuracy, and the predictions; ``None`` without validation images."""

    loss: float | None
    accuracy: float | None
    predictions: Predictions | None


class _Training:
    def __init__(
        self,
        experiment: Experiment,
        data: Dataset,
        sink: Sink,
        artifacts: Artifacts,
        start: RunStart,
        timings: Timings | None,
    ) -> None:
        self.began = time.monotonic()
        self.experiment, self.data, self.test = experiment, data, data.test
        self.sink, self.artifacts, self.start, self.timings = sink, artifacts, start, timings
        self.note = start.note
        self.precision: Precision | None = None
        self.speed = SpeedMeter()

    def prepare(
        self,
        snapshot_budget: int,
        pinned_images: Callable[[], Sequence[int]],
        tensorboard: TensorBoard | None,
    ) -> None:
        """Plan, build the network, and restore it to the run's position."""
        experiment, start = self.experiment, self.start
        self.plan = plan = make_plan(experiment, self.data)
        self.sink.describe(
            train_images=len(plan.train),
            validation_images=len(plan.validation) if plan.validation else None,
            scaling=scaling_to_json(plan.scaling),
        )
        self.recorder = Recorder(
            self.sink,
            epochs=experiment.epochs,
            steps_per_epoch=plan.steps_per_epoch,
            seconds=start.seconds,
            since=self.began,
        )
        trainable = self.make_trainable()
        self.model, self.optimizer = trainable.model, trainable.optimizer
        self.train_step = trainable.step
        self.position = position = restore(
            self.artifacts,
            self.model,
            self.optimizer,
            plan.steps_per_epoch,
            from_start=start.is_fork or experiment.transfer is not None,
        )
        self.sink.rewind(step=position.step, epoch=position.epochs_done)
        self.epochs = [epoch for epoch in start.epochs if epoch.epoch <= position.epochs_done]
        # An earlier version may have measured a part of an unfinished epoch.
        first_exact = position.epochs_done + (2 if position.images else 1)
        if start.exact_loss_from is None or first_exact < start.exact_loss_from:
            self.sink.describe(exact_loss_from=first_exact)
        self.rates = learning_rates(
            experiment.schedule,
            experiment.optimizer.learning_rate,
            plan.steps_per_epoch,
            experiment.epochs,
        )
        self.validation_step = (
            ValidationStep(self.model, experiment, plan.validation) if plan.validation else None
        )
        self.recorder.step = position.step
        self.snapshots = SnapshotWriter(
            self.artifacts,
            experiment,
            plan,
            self.data,
            budget=snapshot_budget,
            pinned_images=pinned_images,
        )
        self.tensorboard = None if tensorboard is None else tensorboard(position.epochs_done + 1)

    def make_trainable(self) -> Trainable:
        """Build the network in the chosen precision, or find the faster one."""
        self.images = TrainingTensors(self.plan.train)
        if self.experiment.precision != "auto":
            return self.use_precision(self.experiment.precision)
        if self.start.precision is not None:
            reason = self.start.precision_reason
            return self.use_precision(self.start.precision, precision_reason=reason)
        if lacks_bfloat16():
            return self.use_precision("float32", precision_reason=NO_INSTRUCTIONS)
        timing = None if self.timings is None else self.timings.find(self.experiment)
        trainable = None
        if timing is None:
            self.recorder.enter("choosing")
            timing, trainable = choose_precision(
                self.build, self.experiment, len(self.plan.train), self.check_stop
            )
            if timing is None:
                return self.use_precision("float32", trainable, precision_reason=SHORT_RUN)
            try:
                if self.timings is not None:
                    self.timings.save(self.experiment, timing)
            except (CifarvizError, OSError):
                log.warning("the timing could not be saved", exc_info=True)
        return self.use_precision(timing.best, trainable, precision_reason=timing.reason)

    def use_precision(
        self, precision: Precision, trainable: Trainable | None = None, **reason: str | None
    ) -> Trainable:
        """Report the precision, and return ``trainable`` or build it."""
        self.precision = precision
        self.sink.describe(precision=precision, **reason)
        return trainable or self.build(precision)

    def build(self, precision: Precision) -> Trainable:
        return make_trainable(self.experiment, self.plan, self.images, precision)

    def check_stop(self) -> None:
        """Raise ``_Stopped`` if a stop was requested."""
        self.recorder.beat()
        if self.recorder.stop_requested():
            raise _Stopped

    def run(self) -> Ending:
        epochs = self.epochs
        if not epochs and not self.position.images:
            self.snapshots.save(self.position.epochs_done, self.model, None, first=True)
        while (ending := ending_after(self.experiment, epochs)) is None:
            epoch = self.run_epoch(epochs)
            self.sink.describe(images_per_second=self.speed.mean)
            if epoch is None:
                self.recorder.flush()
                save_last(self.artifacts, self.model, self.optimizer, self.position)
                return Ending(RunState.STOPPED)
            epochs.append(epoch)
        stopping = self.experiment.early_stopping
        self.snapshots.save_last_weights(self.position.epochs_done, self.model)
        if stopping is not None and stopping.restore_best_weights:
            self.recorder.enter("saving")
            restore_best(self.artifacts, self.model)
            save_last(self.artifacts, self.model, self.optimizer, self.position)
        return ending

    def run_epoch(self, before: list[Epoch]) -> Epoch | None:
        """Train the next epoch, or the rest of it; returns ``None`` if stopped."""
        number = self.position.epochs_done + 1
        # Time spent on this epoch before it was interrupted counts too.
        began = self.recorder.seconds_at_work() - self.position.seconds
        self.recorder.epoch = number
        validated = self.validate() if self.train_epoch(number) else None
        self.position.seconds = self.recorder.seconds_at_work() - began
        if validated is None:
            return None
        epoch = self.make_epoch(number, validated)
        tested = validated.predictions if self.plan.validation is self.test else None
        if number in self.experiment.test_epochs and not self.save_test_predictions(number, tested):
            return None
        self.recorder.phase = "saving"
        self.write_tensorboard(epoch)
        # The history first: a checkpoint must never be ahead of it, since epochs after the
        # checkpoint are trained again.
        self.recorder.flush(epoch)
        if best_of([*before, epoch], self.experiment.monitor) is epoch:
            save_best(self.artifacts, self.model, number)
            self.save_checkpoint_predictions("best", tested)
        self.position = Position(step=self.position.step, epochs_done=number)
        save_last(self.artifacts, self.model, self.optimizer, self.position)
        self.save_checkpoint_predictions("last", tested)
        self.snapshots.save(number, self.model, validated.predictions)
        return epoch

    def train_epoch(self, number: int) -> bool:
        """Train the rest of an epoch; returns ``False`` if stopped."""
        self.recorder.enter("training")
        plan, position = self.plan, self.position
        resampled = self.experiment.data.class_balance == "resampling"
        order = epoch_order(
            self.experiment.seed, number, len(plan.train), plan.train.labels if resampled else None
        )
        first_of_epoch = (number - 1) * plan.steps_per_epoch
        while (done := position.step - first_of_epoch) < plan.steps_per_epoch:
            if self.recorder.stop_requested():
                return False
            batches = next_batches(order, done, plan.batch_size, self.speed.chunk)
            steps = len(batches)
            began = time.monotonic()
            loss, accuracy = self.train_step(
                batches, self.rates[position.step : position.step + steps], position.step + 1
            )
            self.speed.add(number, batches.size, steps, time.monotonic() - began)
            self.recorder.images_per_second = self.speed.current
            self.recorder.seconds_per_step = self.speed.seconds_per_step
            if not np.isfinite(loss).all():
                self.fail_diverged(position.step + int(np.argmin(np.isfinite(loss))) + 1)
            size = batches.shape[1]
            position.images += batches.size
            position.loss_sum += float(loss.sum(dtype=np.float64)) * size
            position.hits += float(accuracy.sum(dtype=np.float64)) * size
            position.step += steps
            self.recorder.batches(position.step - steps + 1, loss, accuracy)
        return True

    def fail_diverged(self, step: int) -> None:
        self.recorder.flush()
        raise TrainingFailed(DIVERGED, step=step)

    def validate(self) -> _ValidationResult | None:
        """Make a pass over the validation images; returns ``None`` if stopped."""
        if self.validation_step is None or self.plan.validation is None:
            return _ValidationResult(None, None, None)
        self.recorder.enter("validating")
        began = self.recorder.seconds_at_work()
        loss_sum, hits, parts = 0.0, 0, []
        for first in self.validation_step.batches:
            if self.recorder.stop_requested():
                return None
            batch_loss, batch_hits, logs = self.validation_step(first)
            loss_sum, hits = loss_sum + batch_loss, hits + batch_hits
            parts.append(logs)
            self.recorder.beat()
        self.recorder.seconds_per_validation = self.recorder.seconds_at_work() - began
        if not np.isfinite(loss_sum):
            self.fail_diverged(self.position.step)
        images = len(self.plan.validation)
        predictions = Predictions(np.concatenate(parts))
        return _ValidationResult(loss_sum / images, hits / images, predictions)

    def save_test_predictions(self, number: int, tested: Predictions | None) -> bool:
        """Save the predictions for the test images; returns ``False`` if stopped.

        ``tested`` are these predictions if the test images are the validation images.
        """
        if tested is None:
            self.recorder.enter("testing")
            parts = []
            for part in log_probability_batches(self.model, self.test.images):
                if self.recorder.stop_requested():
                    return False
                parts.append(part)
                self.recorder.beat()
            tested = Predictions(np.concatenate(parts))
        save_epoch_predictions(self.artifacts, number, self.test, tested)
        return True

    def save_checkpoint_predictions(self, which: Checkpoint, tested: Predictions | None) -> None:
        """Save the predictions for Evaluate if the test images are the validation images."""
        if tested is None:
            return
        try:
            stamp = self.artifacts.stamp(checkpoint_name(which))
            save_checkpoint_predictions(self.artifacts, which, stamp, self.test, tested)
        except (CifarvizError, OSError):
            # Evaluate computes them if they are missing.
            log.warning("test predictions of the run could not be saved", exc_info=True)

    def write_tensorboard(self, epoch: Epoch) -> None:
        if self.tensorboard is None:
            return
        if note := self.tensorboard.write_if_possible(epoch, self.model):
            self.note = f"{self.note} {note}" if self.note else note
            self.sink.describe(note=self.note)

    def make_epoch(self, number: int, validated: _ValidationResult) -> Epoch:
        position = self.position
        return Epoch(
            epoch=number,
            loss=position.loss_sum / position.images,
            accuracy=position.hits / position.images,
            val_loss=validated.loss,
            val_accuracy=validated.accuracy,
            learning_rate=float(f"{self.rates[position.step - 1]:.7g}"),
            seconds=position.seconds,
        )
