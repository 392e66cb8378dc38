"""Predictions of a network with some of its channels set to 0."""

import tensorflow as tf

from cifarviz.experiment.prediction_views import PredictionViews
from cifarviz.network.graph import Node, OnOutput
from cifarviz.network.inference import mean_log_probabilities
from cifarviz.network.stateless import ForwardPass


def muted_log_probabilities(
    forward: ForwardPass,
    batch: tf.Tensor,
    mask: tf.Tensor,
    *,
    parts: int,
    prediction_views: PredictionViews,
) -> tf.Tensor:
    """Log-probabilities, float32 (n, classes), with each channel's output times its mask.

    ``mask`` float32 (channels,), 0 or 1, has the channels of all layers with maps, one layer after
    the other in the order of calculation. A function for ``StatelessNetwork.compute``, with the
    options of ``mean_log_probabilities``.
    """
    on_output = _mask_outputs(forward, mask)
    return mean_log_probabilities(
        lambda part: forward.logits(part, on_output),
        batch,
        parts,
        prediction_views=prediction_views,
    )


def _mask_outputs(forward: ForwardPass, mask: tf.Tensor) -> OnOutput:
    masks: dict[str, tf.Tensor] = {}
    start = 0
    for outer in forward.nodes:
        for node in outer.all_nodes():
            shape = node.layer.output.shape
            if len(shape) == 4:
                channels = shape[-1]
                # Else a single channel times a mask of any length may be any number of channels.
                masks[node.name] = tf.ensure_shape(mask[start : start + channels], (channels,))
                start += channels

    def masked(node: Node, output: tf.Tensor) -> tf.Tensor | None:
        return output * masks[node.name] if node.name in masks else None

    return masked
