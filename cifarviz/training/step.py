"""The compiled training step: several optimizer steps a call, everything inside the graph."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from cifarviz.data.datasets import ImageSet
from cifarviz.experiment.experiment import Experiment, Loss
from cifarviz.training.augmentation import augment

LossFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def loss_function(loss: Loss, classes: int) -> LossFunction:
    """Cross-entropy of integer labels (b,) and probabilities (b, classes): float32 (b,)."""
    if loss.labels == "integer":
        return keras.losses.sparse_categorical_crossentropy

    def one_hot(labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        return keras.losses.categorical_crossentropy(
            tf.one_hot(labels, classes), probabilities, label_smoothing=loss.label_smoothing
        )

    return one_hot


class TrainingStep:
    """Trains a model on images that stay in memory as uint8.

    The loss it reports is the cross-entropy alone. An L2 penalty steers the weights but is
    left out of the figures, so that runs with and without it can be compared.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        experiment: Experiment,
        data: ImageSet,
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._augmentation = experiment.augmentation
        self._seed = experiment.seed
        self._loss = loss_function(experiment.loss, experiment.architecture.classes)
        self._images = tf.convert_to_tensor(data.images)
        self._labels = tf.convert_to_tensor(data.labels.astype(np.int32))
        self._compiled = tf.function(
            self._steps,
            input_signature=[
                tf.TensorSpec((None, None), tf.int32),
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((), tf.int32),
            ],
            jit_compile=False,
        )

    def __call__(
        self, batches: np.ndarray, learning_rates: np.ndarray, first_step: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """One optimizer step for each row of ``batches``.

        ``batches`` (k, b) holds positions in the data, ``learning_rates`` (k,) a rate a step,
        ``first_step`` the number of the first of them in the run, from 1. Returns each
        batch's own loss and accuracy, before its step: float32 (k,) each.
        """
        losses, accuracies = self._compiled(
            tf.convert_to_tensor(batches, tf.int32),
            tf.convert_to_tensor(learning_rates, tf.float32),
            tf.convert_to_tensor(first_step, tf.int32),
        )
        return losses.numpy(), accuracies.numpy()

    def _steps(
        self, batches: tf.Tensor, learning_rates: tf.Tensor, first_step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        count = tf.shape(batches)[0]
        losses = tf.TensorArray(tf.float32, count)
        accuracies = tf.TensorArray(tf.float32, count)
        for i in tf.range(count):
            loss, accuracy = self._step(batches[i], learning_rates[i], first_step + i)
            losses = losses.write(i, loss)
            accuracies = accuracies.write(i, accuracy)
        return losses.stack(), accuracies.stack()

    def _step(
        self, batch: tf.Tensor, learning_rate: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.gather(self._images, batch)
        labels = tf.gather(self._labels, batch)
        # The flip and the shift take the seeds (run, 2·step) and one above it in each place.
        seed = tf.stack([tf.constant(self._seed, tf.int32), 2 * step])
        images = tf.cast(augment(images, self._augmentation, seed), tf.float32)
        with tf.GradientTape() as tape:
            probabilities = self._model(images, training=True)
            loss = tf.reduce_mean(self._loss(labels, probabilities))
            penalized = tf.add_n([loss, *self._model.losses])
        variables = self._model.trainable_variables
        self._optimizer.learning_rate.assign(learning_rate)
        self._optimizer.apply(tape.gradient(penalized, [v.value for v in variables]), variables)
        hits = tf.equal(tf.argmax(probabilities, 1, tf.int32), labels)
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))


class ValidationStep:
    """Measures a model on images that stay in memory, without changing it."""

    def __init__(self, model: keras.Model, experiment: Experiment, data: ImageSet) -> None:
        self._model = model
        self._loss = loss_function(experiment.loss, experiment.architecture.classes)
        self._data = data
        # About a tenth of a second a batch, so that a stop need not wait; fixed by the
        # network alone, so that sums come out the same on every run.
        self.batch_size = int(np.clip(10**10 // experiment.architecture.trace().operations, 8, 500))
        self._compiled = tf.function(
            self._measure,
            input_signature=[
                tf.TensorSpec((None, *data.images.shape[1:]), tf.uint8),
                tf.TensorSpec((None,), tf.int32),
            ],
            jit_compile=False,
        )

    @property
    def batches(self) -> range:
        """The first position of each batch."""
        return range(0, len(self._data), self.batch_size)

    def __call__(self, first: int) -> tuple[float, int]:
        """The sum of losses and the number of hits in the batch that begins at ``first``."""
        part = slice(first, first + self.batch_size)
        loss, hits = self._compiled(
            tf.convert_to_tensor(self._data.images[part]),
            tf.convert_to_tensor(self._data.labels[part].astype(np.int32)),
        )
        return float(loss), int(hits)

    def _measure(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        probabilities = self._model(tf.cast(images, tf.float32), training=False)
        hits = tf.equal(tf.argmax(probabilities, 1, tf.int32), labels)
        return (
            tf.reduce_sum(self._loss(labels, probabilities)),
            tf.reduce_sum(tf.cast(hits, tf.int32)),
        )
