"""The vectors of the last hidden layer, with the predictions that follow from them."""

import tensorflow as tf

from cifarviz.experiment.prediction_views import PredictionViews
from cifarviz.network.inference import compute_logits, mean_log_probabilities
from cifarviz.network.stateless import ForwardPass


def features_and_log_probabilities(
    forward: ForwardPass, batch: tf.Tensor, *, parts: int, prediction_views: PredictionViews
) -> tuple[tf.Tensor, tf.Tensor]:
    """Features, float32 (n, features), and log-probabilities, float32 (n, classes), of a batch.

    The features are of the images as they are, the probabilities those of
    ``mean_log_probabilities``, of all ``prediction_views``.
    """
    features: list[tf.Tensor] = []

    def logits_of(part: tf.Tensor) -> tf.Tensor:
        values = forward.features(part)
        features.append(tf.cast(values, tf.float32))
        return compute_logits(forward.nodes[-1].layer, values)

    logs = mean_log_probabilities(logits_of, batch, parts, prediction_views=prediction_views)
    # The parts of the other views come after those of the images.
    return tf.concat(features[:parts], 0), logs
