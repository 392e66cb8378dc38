"""The forward pass of a training step, arranged so that it and its gradient are fast.

Logits and gradients equal those of ``model(images, training=True)``, except for rounding;
docs/performance.md has what each arrangement gains.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from cifarviz.network.inference import compute_logits
from cifarviz.network.joint_batch_norm import normalize_jointly
from cifarviz.network.relu import compiled_gradient_relu

# From so many values on, compiled code gains more than starting it costs.
_LARGE = 2**20
# With few images, a dense layer of so many weights spends its time on reading them: the parts are
# joined before it, so that the weights and their gradient are read once.
_MANY_WEIGHTS, _MANY_IMAGES = 2**18, 500


def forward(model: keras.Model, parts: Sequence[tf.Tensor], images: int) -> list[tf.Tensor]:
    """Compute the model's logits for a batch of so many ``images`` in parts, layer by layer.

    They are the input of the last layer's softmax, float32 (part, classes). The parts are
    independent, so TensorFlow works on them in parallel; only batch normalization measures mean
    and variance over all of them, and applies the ReLU that follows it. Between a convolution and
    max pooling, ReLU is applied after pooling, to fewer values with the same result.
    """
    values = list(parts)
    relu_waits = relu_done = False
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    for layer, following in pairwise([*layers, None]):
        relu = _relu_for(layer, images // len(parts))
        if images < _MANY_IMAGES and _weight_count(layer) >= _MANY_WEIGHTS:
            values = [tf.concat(values, 0)]
        if following is None:
            values = [compute_logits(layer, part) for part in values]
        elif relu_done:
            relu_done = False
        elif isinstance(layer, keras.layers.BatchNormalization) and len(values) > 1:
            relu_done = isinstance(following, keras.layers.Activation) and _has_relu(following)
            values = _normalize(layer, values, relu=relu_done)
        elif _has_relu(layer) and isinstance(following, keras.layers.MaxPooling2D):
            with _activation(layer, keras.activations.linear):
                values = [layer(part, training=True) for part in values]
            relu_waits = True
        elif _has_relu(layer):
            with _activation(layer, relu):
                values = [layer(part, training=True) for part in values]
        else:
            values = [layer(part, training=True) for part in values]
            if relu_waits:
                values = [relu(part) for part in values]
                relu_waits = False
    return values


def _has_relu(layer: keras.layers.Layer) -> bool:
    """Whether the layer ends with a ReLU that may be replaced."""
    return getattr(layer, "activation", None) is keras.activations.relu and not _weight_count(layer)


def _weight_count(layer: keras.layers.Layer) -> int:
    """Return the number of weights of a dense layer; 0 for other layers."""
    kernel = getattr(layer, "kernel", None)
    return int(np.prod(kernel.shape)) if kernel is not None and len(kernel.shape) == 2 else 0


def _relu_for(layer: keras.layers.Layer, images: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the fastest ReLU for the output of ``layer`` for so many images."""
    values = images * int(np.prod(layer.output.shape[1:]))
    if layer.compute_dtype == "bfloat16" and values >= _LARGE:
        return compiled_gradient_relu
    return keras.activations.relu


@contextmanager
def _activation(
    layer: keras.layers.Layer, activation: Callable[[tf.Tensor], tf.Tensor]
) -> Iterator[None]:
    """Replace a layer's activation temporarily; no other thread uses the layer."""
    own, layer.activation = layer.activation, activation
    try:
        yield
    finally:
        layer.activation = own


def _normalize(
    layer: keras.layers.BatchNormalization, parts: Sequence[tf.Tensor], *, relu: bool
) -> list[tf.Tensor]:
    """Apply ``layer`` in training mode, with the moments of all parts together."""
    channels = parts[0].shape[-1]
    done = normalize_jointly(
        parts,
        layer.gamma.value if layer.scale else tf.ones(channels),
        layer.beta.value if layer.center else tf.zeros(channels),
        layer.epsilon,
        relu=relu,
    )
    for moving, new in ((layer.moving_mean, done.mean), (layer.moving_variance, done.variance)):
        moving.assign(moving * layer.momentum + new * (1.0 - layer.momentum))
    return done.parts
