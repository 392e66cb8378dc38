"""The forward pass of a training step, arranged so that it and its gradient are fast.

Logits and gradients equal those of ``model(images, training=True)``, except for rounding;
docs/performance.md has what each arrangement gains.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf

from cifarviz.network.build import RESCALING
from cifarviz.network.graph import Node
from cifarviz.network.inference import compute_logits
from cifarviz.network.joint_batch_norm import Fused, normalize_jointly
from cifarviz.network.relu import compiled_gradient_relu

# From so many values on, compiled code gains more than starting it costs.
_LARGE = 2**20
# With few images, a dense layer of so many weights spends its time on reading them: the parts are
# joined before it, so that the weights and their gradient are read once.
_MANY_WEIGHTS, _MANY_IMAGES = 2**18, 500
_FUSED: Mapping[Callable[..., tf.Tensor], Fused] = MappingProxyType(
    {
        keras.activations.relu: "relu",
        keras.activations.gelu: "gelu",
        keras.activations.silu: "silu",
    }
)


def forward(model: keras.Model, parts: Sequence[tf.Tensor], images: int) -> list[tf.Tensor]:
    """Compute the model's logits for a batch of so many ``images`` in parts, layer by layer.

    They are the input of the last layer's softmax, float32 (part, classes). The parts are
    independent, so TensorFlow works on them in parallel; only batch normalization measures mean
    and variance over all of them, and applies the activation that follows it. Between a
    convolution and max pooling, ReLU is applied after pooling, to fewer values with the same
    result.
    """
    rescaling = model.get_layer(RESCALING)
    *hidden, output = model.nodes
    values = _run(hidden, [rescaling(part) for part in parts], images, following=output)
    return [compute_logits(output.layer, part) for part in _joined(output, values, images)]


def _run(
    nodes: Sequence[Node], parts: list[tf.Tensor], images: int, following: Node | None
) -> list[tf.Tensor]:
    """Pass the parts of a batch through ``nodes``; ``following`` is the node after the last."""
    values = parts
    relu_waits, activated = False, False
    for node, after in zip(nodes, [*nodes, following][1:], strict=True):
        layer = node.layer
        relu = _relu_for(layer, images // len(parts))
        values = _joined(node, values, images)
        if activated:
            activated = False
        elif node.branches:
            values = _merge(node, values, images, relu)
        elif _normalizes_by_batch(layer) and len(values) > 1:
            activation = _fused_activation(after)
            activated = activation is not None
            values = _normalize(layer, values, activation)
        elif _has_relu(layer) and _is_max_pooling(after):
            values = _call(layer, values, keras.activations.linear)
            relu_waits = True
        elif _has_relu(layer):
            values = _call(layer, values, relu)
        else:
            values = [layer(part, training=True) for part in values]
            if relu_waits:
                values = [relu(part) for part in values]
                relu_waits = False
    return values


def _merge(
    node: Node, parts: list[tf.Tensor], images: int, relu: Callable[[tf.Tensor], tf.Tensor]
) -> list[tf.Tensor]:
    """Pass the parts through the branches of a block, and merge their outputs."""
    if len(parts) > 1 and (summed := _normalized_sum(node, parts, images)):
        return summed
    outputs = [_run(branch, parts, images, following=None) for branch in node.branches]
    if len({len(output) for output in outputs}) > 1:
        outputs = [[tf.concat(output, 0)] for output in outputs]
    merge, *activations = node.keras_layers
    values = [merge(list(branches)) for branches in zip(*outputs, strict=True)]
    for layer in activations:
        values = _call(layer, values, relu if _has_relu(layer) else layer.activation)
    return values


def _normalized_sum(node: Node, parts: list[tf.Tensor], images: int) -> list[tf.Tensor] | None:
    """Pass the parts through a residual block whose branch ends with batch normalization.

    It is computed together with the sum and the ReLU. ``None`` for any other block.
    """
    merge, *activations = node.keras_layers
    if not isinstance(merge, keras.layers.Add) or not any(map(_has_relu, activations)):
        return None
    branch, shortcut = node.branches
    if not branch or branch[-1].branches or not _normalizes_by_batch(branch[-1].layer):
        return None
    values = _run(branch[:-1], parts, images, following=None)
    added = _run(shortcut, parts, images, following=None)
    if len(values) != len(added):
        values, added = [tf.concat(values, 0)], [tf.concat(added, 0)]
    added = [tf.cast(other, own.dtype) for own, other in zip(values, added, strict=True)]
    return _normalize(branch[-1].layer, values, "relu", added=added)


def _joined(node: Node, parts: list[tf.Tensor], images: int) -> list[tf.Tensor]:
    """Join the parts before a layer whose weights take longer to read than to use."""
    if images < _MANY_IMAGES and _weight_count(node.layer) >= _MANY_WEIGHTS:
        return [tf.concat(parts, 0)]
    return parts


def _call(
    layer: keras.layers.Layer,
    parts: Sequence[tf.Tensor],
    activation: Callable[[tf.Tensor], tf.Tensor],
) -> list[tf.Tensor]:
    """Apply a layer with another activation than its own, which no other thread uses meanwhile."""
    own, layer.activation = layer.activation, activation
    try:
        return [layer(part, training=True) for part in parts]
    finally:
        layer.activation = own


def _fused_activation(node: Node | None) -> Fused | None:
    """Return the activation that the node is, if normalization can apply it."""
    if node is None or node.branches or not isinstance(node.layer, keras.layers.Activation):
        return None
    return _FUSED.get(node.layer.activation)


def _is_max_pooling(node: Node | None) -> bool:
    return node is not None and isinstance(node.layer, keras.layers.MaxPooling2D)


def _normalizes_by_batch(layer: keras.layers.Layer) -> bool:
    """Whether the layer measures the batch; frozen, it uses its moving mean and variance."""
    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable


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


def _normalize(
    layer: keras.layers.BatchNormalization,
    parts: Sequence[tf.Tensor],
    activation: Fused | None,
    *,
    added: Sequence[tf.Tensor] = (),
) -> list[tf.Tensor]:
    """Apply ``layer`` in training mode, with the moments of all parts together."""
    channels = parts[0].shape[-1]
    done = normalize_jointly(
        parts,
        layer.gamma.value if layer.scale else tf.ones(channels),
        layer.beta.value if layer.center else tf.zeros(channels),
        layer.epsilon,
        activation=activation,
        added=added,
    )
    for moving, new in ((layer.moving_mean, done.mean), (layer.moving_variance, done.variance)):
        moving.assign(moving * layer.momentum + new * (1.0 - layer.momentum))
    return done.parts
