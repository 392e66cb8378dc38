"""Functions of the forward pass that attribute a prediction to the pixels of its image."""

import tensorflow as tf

from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE
from cifarviz.network.inference import mean_log_probabilities
from cifarviz.network.stateless import ForwardPass


def class_probabilities(forward: ForwardPass, images: tf.Tensor, *, parts: int) -> tf.Tensor:
    """Probabilities, float32 (n, classes), of raw images as they are."""
    return tf.exp(
        mean_log_probabilities(forward.logits, images, parts, prediction_views=ONLY_THE_IMAGE)
    )


def score_gradients(
    forward: ForwardPass, pixels: tf.Tensor, class_index: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores (n,) of a class and their gradients (n, h, w, c) with respect to the pixels.

    ``pixels`` are float32 from 0 to 255; the score is the input of the last softmax.
    """
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        scores = forward.logits(pixels)[:, class_index]
    return scores, tape.gradient(scores, pixels)
