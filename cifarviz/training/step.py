"""The compiled training step: several optimizer steps per call, all inside the graph."""

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cifarviz.data.image_set import ImageSet
from cifarviz.data.statistics import channel_mean_std
from cifarviz.experiment.experiment import Experiment, Loss
from cifarviz.network.inference import log_probability_batch
from cifarviz.network.threads import batch_parts, split_batch
from cifarviz.network.variables import trainable_variables
from cifarviz.training.augmentation import AlternatingFlip, augment, mix, mixed_targets
from cifarviz.training.class_balance import class_weights
from cifarviz.training.forward import forward
from cifarviz.training.update import apply_gradients

LossFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class TrainingTensors:
    """Images, uint8, and labels that stay in memory, where every step finds them."""

    def __init__(self, data: ImageSet) -> None:
        self.images = tf.convert_to_tensor(data.images)
        self.labels = tf.convert_to_tensor(data.labels.astype(np.int32))


class TrainingStep:
    """Trains a model on images that stay in memory.

    The reported loss is the plain cross-entropy. Label smoothing, class weights and an L2 penalty
    affect the weights but not the reported loss, so that runs with and without them can be
    compared. Of images mixed by mixup or CutMix it is that of the mixed label, and accuracy counts
    the class with the largest share.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        experiment: Experiment,
        data: TrainingTensors,
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._augmentation = experiment.augmentation
        self._seed = experiment.seed
        self._batch_size = experiment.batch_size
        classes = experiment.architecture.classes
        weighted = experiment.data.class_balance == "class_weights"
        self._objective = objective(
            experiment.loss,
            classes,
            class_weights(data.labels.numpy(), classes) if weighted else None,
        )
        self._minimizes_plain_loss = not weighted and experiment.loss.label_smoothing == 0
        self._classes = classes
        self._cover = None
        if experiment.augmentation.cutout:
            self._cover, _ = channel_mean_std(data.images.numpy())
        self._data = data
        images = len(data.images)
        self._steps_per_epoch = math.ceil(images / experiment.batch_size)
        self._mirrored = None
        if experiment.augmentation.alternating_flip:
            self._mirrored = AlternatingFlip(experiment.seed, images)
        parts = batch_parts(experiment.batch_size)
        self._compiled = self._compile(parts)
        # An epoch may end with a batch of a single image, which cannot be cut.
        self._compiled_uncut = self._compile(1) if parts > 1 else self._compiled
        self._parts = parts

    def __call__(
        self, batches: np.ndarray, learning_rates: np.ndarray, first_step: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Make an optimizer step for each row of ``batches``.

        ``batches`` (k, b) holds positions in the data, ``learning_rates`` (k,) a rate a step,
        ``first_step`` the number of the first of them in the run, from 1. Returns each
        batch's own loss and accuracy, before its step: float32 (k,) each.
        """
        compiled = self._compiled if batches.shape[1] >= self._parts else self._compiled_uncut
        losses, accuracies = compiled(
            tf.convert_to_tensor(batches, tf.int32),
            tf.convert_to_tensor(learning_rates, tf.float32),
            tf.convert_to_tensor(first_step, tf.int32),
        )
        return losses.numpy(), accuracies.numpy()

    def _compile(self, parts: int) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
        def steps(
            batches: tf.Tensor, learning_rates: tf.Tensor, first_step: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            return self._steps(batches, learning_rates, first_step, parts)

        # Traced when it is first called.
        return tf.function(
            steps,
            input_signature=[
                tf.TensorSpec((None, None), tf.int32),
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((), tf.int32),
            ],
            jit_compile=False,
        )

    def _steps(
        self, batches: tf.Tensor, learning_rates: tf.Tensor, first_step: tf.Tensor, parts: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        count = tf.shape(batches)[0]
        losses = tf.TensorArray(tf.float32, count)
        accuracies = tf.TensorArray(tf.float32, count)
        for i in tf.range(count):
            loss, accuracy = self._step(batches[i], learning_rates[i], first_step + i, parts)
            losses = losses.write(i, loss)
            accuracies = accuracies.write(i, accuracy)
        return losses.stack(), accuracies.stack()

    # It has no control flow on values, and calls code that AutoGraph cannot convert.
    @tf.autograph.experimental.do_not_convert
    def _step(
        self, batch: tf.Tensor, learning_rate: tf.Tensor, step: tf.Tensor, parts: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.gather(self._data.images, batch)
        labels = tf.gather(self._data.labels, batch)
        # The flip and the shift take the seeds (run, 2·step) and one above it in each place.
        seed = tf.stack([tf.constant(self._seed, tf.int32), 2 * step])
        mirrored = None
        if self._mirrored is not None:
            mirrored = self._mirrored(batch, (step - 1) // self._steps_per_epoch)
        images = augment(images, self._augmentation, seed, self._cover, mirrored)
        if self._augmentation.mixes_labels:
            images, shares = mix(images, self._augmentation, seed)
            labels = mixed_targets(labels, shares, self._classes)
        images = tf.cast(images, tf.float32)
        variables = trainable_variables(self._model)
        with tf.GradientTape() as tape:
            logits = forward(self._model, split_batch(images, parts), self._batch_size)
            minimized = _mean(self._objective, labels, logits)
            penalized = tf.add_n([minimized, *self._model.losses])
        gradients = tape.gradient(penalized, [variable.value for variable in variables])
        apply_gradients(self._optimizer, gradients, variables, learning_rate)
        plain = self._minimizes_plain_loss
        loss = minimized if plain else _mean(cross_entropy, labels, logits)
        dominant = tf.argmax(labels, 1, tf.int32) if labels.shape.rank == 2 else labels
        hits = tf.equal(tf.argmax(tf.concat(logits, 0), 1, tf.int32), dominant)
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))


class ValidationStep:
    """Measures a model on images that stay in memory, without changing it."""

    def __init__(self, model: keras.Model, experiment: Experiment, data: ImageSet) -> None:
        self._model = model
        self._data = data
        # About 0.1 s per batch, so that a stop is quick; it depends on the network alone, so that
        # sums are the same in every run.
        operations = experiment.architecture.trace().operations * experiment.prediction_views.count
        self.batch_size = int(np.clip(10**10 // operations, 8, 500))

    @property
    def batches(self) -> range:
        """The first position of each batch."""
        return range(0, len(self._data), self.batch_size)

    def __call__(self, first: int) -> tuple[float, int, np.ndarray]:
        """Return the sum of losses, hits and log-probabilities of the batch from ``first``.

        The last are float32 (n, classes).
        """
        part = slice(first, first + self.batch_size)
        labels = self._data.labels[part]
        logs = log_probability_batch(self._model, self._data.images[part]).numpy()
        return (
            float(-logs[np.arange(len(labels)), labels].sum(dtype=np.float64)),
            int((logs.argmax(1) == labels).sum()),
            logs,
        )


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the reported loss in nats, (b,), of labels and logits (b, classes).

    Labels are integers (b,), or the probability of each class (b, classes).
    """
    if labels.shape.rank == 2:
        return tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def objective(loss: Loss, classes: int, weights: NDArray[np.float32] | None = None) -> LossFunction:
    """Return the loss to minimize, without the L2 penalty: cross-entropy with label smoothing.

    It takes labels and logits as ``cross_entropy`` does and returns float32 (b,), each multiplied
    by the weight (classes,) of its label, which must be an integer then.
    """
    if weights is not None:
        unweighted = objective(loss, classes)
        return lambda labels, logits: unweighted(labels, logits) * tf.gather(weights, labels)
    if loss.labels == "integer":
        return cross_entropy

    def one_hot(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return keras.losses.categorical_crossentropy(
            labels if labels.shape.rank == 2 else tf.one_hot(labels, classes),
            logits,
            from_logits=True,
            label_smoothing=loss.label_smoothing,
        )

    return one_hot


def _mean(loss: LossFunction, labels: tf.Tensor, parts: list[tf.Tensor]) -> tf.Tensor:
    """Return the mean loss of a batch whose logits come in parts."""
    images = tf.cast(tf.shape(labels)[0], tf.float32)
    pieces = zip(split_batch(labels, len(parts)), parts, strict=True)
    return tf.add_n([tf.reduce_sum(loss(own, logits)) / images for own, logits in pieces])
