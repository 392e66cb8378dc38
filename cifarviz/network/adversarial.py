"""Adversarial pictures by the gradient of the loss, as graphs of a network's forward pass.

FGSM: Goodfellow et al., arXiv 1412.6572. PGD in L∞: Madry et al., arXiv 1706.06083. FGSM is PGD of
a single step as long as ε.
"""

import tensorflow as tf

from cifarviz.experiment.prediction_views import PredictionViews
from cifarviz.network.inference import make_views
from cifarviz.network.stateless import ForwardPass
from cifarviz.network.threads import split_batch

# Of ε, divided by the number of steps: so that the edge of the ball is reached from any place
# inside it (Madry et al.).
_STEP = 2.5


def loss_gradient(
    forward: ForwardPass, images: tf.Tensor, labels: tf.Tensor, *, prediction_views: PredictionViews
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return each image's loss (n,) and the direction of its gradient, float32 as ``images``.

    ``images`` (n, h, w, c) in levels of 255, ``labels`` int32 (n,). The loss is the cross-entropy
    −log p of the label; the second is the gradient of −log p + log(1 − p), which is the loss's own
    times 1/(1 − p): it has the same signs, but does not vanish in float32 where p is nearly 1.
    p is the mean over ``prediction_views`` of the image.
    """
    pixels = tf.cast(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        pairs = [
            _log_odds(forward.logits(one), labels) for one in make_views(pixels, prediction_views)
        ]
        # Of the sum over views; their number cancels out of the difference.
        log_label, log_others = (tf.reduce_logsumexp(logs, 0) for logs in zip(*pairs, strict=True))
        objective = tf.reduce_sum(log_others - log_label)
    loss = tf.math.log(float(prediction_views.count)) - log_label
    return loss, tape.gradient(objective, pixels)


def perturb(
    forward: ForwardPass,
    images: tf.Tensor,
    labels: tf.Tensor,
    epsilons: tf.Tensor,
    *,
    steps: int,
    targeted: bool,
    prediction_views: PredictionViews,
    parts: int,
) -> tf.Tensor:
    """Return adversarial images, uint8 (n, h, w, c), within ``epsilons`` levels of ``images``.

    ``labels`` int32 (n,): classes to move away from, or towards if ``targeted``. ``epsilons``
    float32 (n,), whole numbers: the largest change of a pixel. Each of ``steps`` goes along the
    signs of the gradient by 2.5 ε / ``steps``, a single one by ε. Starts at the images themselves.
    """
    split = [split_batch(values, parts) for values in (images, labels, epsilons)]
    done = [
        _perturb(forward, *part, steps=steps, targeted=targeted, prediction_views=prediction_views)
        for part in zip(*split, strict=True)
    ]
    return tf.concat(done, 0)


def _perturb(
    forward: ForwardPass,
    images: tf.Tensor,
    labels: tf.Tensor,
    epsilons: tf.Tensor,
    *,
    steps: int,
    targeted: bool,
    prediction_views: PredictionViews,
) -> tf.Tensor:
    start = tf.cast(images, tf.float32)
    radius = epsilons[:, tf.newaxis, tf.newaxis, tf.newaxis]
    lowest, highest = tf.maximum(start - radius, 0.0), tf.minimum(start + radius, 255.0)
    length = radius * (_STEP / steps if steps > 1 else 1.0) * (-1.0 if targeted else 1.0)

    def step(pixels: tf.Tensor) -> tuple[tf.Tensor]:
        _, gradient = loss_gradient(forward, pixels, labels, prediction_views=prediction_views)
        return (tf.clip_by_value(pixels + length * tf.sign(gradient), lowest, highest),)

    (pixels,) = tf.while_loop(
        lambda _: True, step, (start,), maximum_iterations=steps, parallel_iterations=1
    )
    return tf.cast(tf.round(pixels), tf.uint8)


def _log_odds(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The logarithms of the probability of the label and of all other classes together, (n,)."""
    total = tf.reduce_logsumexp(logits, axis=-1)
    chosen = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False)
    label = tf.reduce_sum(tf.where(chosen, logits, 0.0), axis=-1)
    others = tf.reduce_logsumexp(tf.where(chosen, logits.dtype.min, logits), axis=-1)
    return label - total, others - total
