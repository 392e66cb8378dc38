"""Batch normalization of a batch that is processed in parts, with what often follows it.

An activation, or the sum with a shortcut and then a ReLU, is computed in the same pass over the
values.

The values equal those of ``keras.layers.BatchNormalization`` in training, and of its gradient,
except for rounding; the element-wise operations are compiled (docs/performance.md).
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import tensorflow as tf

Fused = Literal["relu", "gelu", "silu"]
"""The activations that are computed together with the normalization."""


class NormalizedParts(NamedTuple):
    """Each part normalized, with the mean and variance of all parts together."""

    parts: list[tf.Tensor]
    mean: tf.Tensor
    variance: tf.Tensor


def normalize_jointly(
    parts: Sequence[tf.Tensor],
    scale: tf.Tensor,
    offset: tf.Tensor,
    epsilon: float,
    *,
    activation: Fused | None,
    added: Sequence[tf.Tensor] = (),
) -> NormalizedParts:
    """Normalize over all axes but the last, of all parts together, and apply the activation.

    ``added`` is a tensor for each part, of its shape and type, that is added before a ReLU.
    ``scale`` and ``offset`` are float32 (channels,); parts are returned in their own type,
    computed in float32.
    """
    count = len(parts)
    assert activation == "relu" or not added

    @tf.custom_gradient
    def run(*arguments):  # type: ignore[no-untyped-def]
        values, (factor, shift, *more) = arguments[:count], arguments[count:]
        mean, variance, size = _joint_moments(values)
        spread = tf.math.rsqrt(variance + epsilon)
        slope, start = factor * spread, shift - factor * spread * mean
        outputs = (
            [_sum_above_zero(*pair, slope, start) for pair in zip(values, more, strict=True)]
            if more
            else [_scale_and_shift(part, slope, start, activation=activation) for part in values]
        )

        def gradient(*above):  # type: ignore[no-untyped-def]
            # Gradients of mean and variance are dropped: they only feed the moving averages.
            pairs = list(zip(values, above[:count], strict=True))
            inner = None if more else activation
            if more:
                # What goes through the ReLU goes to both terms of the sum.
                through = [
                    _where_above_zero(part, other, from_above, slope, start)
                    for (part, from_above), other in zip(pairs, more, strict=True)
                ]
                pairs = list(zip(values, through, strict=True))
            sums = [
                _gradient_sums(part, from_above, slope, start, mean, spread, activation=inner)
                for part, from_above in pairs
            ]
            of_shift = tf.add_n([total for total, _ in sums])
            of_factor = tf.add_n([along for _, along in sums])
            of_parts = [
                _gradient(
                    part, from_above, slope, start, mean, spread,
                    of_shift / size, of_factor / size, activation=inner,
                )
                for part, from_above in pairs
            ]  # fmt: skip
            return (*of_parts, of_factor, of_shift, *([own for _, own in pairs] if more else []))

        return (*outputs, mean, variance), gradient

    *outputs, mean, variance = run(*parts, scale, offset, *added)
    return NormalizedParts(outputs, mean, variance)


def _joint_moments(parts: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Mean and variance of all parts together, (channels,), and how many values a channel has."""
    sizes = [tf.cast(tf.size(part) // part.shape[-1], tf.float32) for part in parts]
    size = tf.add_n(sizes)
    shares = [own / size for own in sizes]
    moments = [_moments(part) for part in parts]
    mean = tf.add_n([m * share for (m, _), share in zip(moments, shares, strict=True)])
    variance = tf.add_n(
        [(v + tf.square(m - mean)) * share for (m, v), share in zip(moments, shares, strict=True)]
    )
    return mean, variance, size


def _axes(values: tf.Tensor) -> list[int]:
    return list(range(len(values.shape) - 1))


@tf.function(jit_compile=True, autograph=False)
def _moments(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.nn.moments(tf.cast(values, tf.float32), _axes(values))


@tf.function(jit_compile=True, autograph=False)
def _scale_and_shift(
    values: tf.Tensor, slope: tf.Tensor, start: tf.Tensor, *, activation: Fused | None
) -> tf.Tensor:
    exact = tf.cast(values, tf.float32) * slope + start
    return tf.cast(_activate(exact, activation), values.dtype)


def _activate(values: tf.Tensor, activation: Fused | None) -> tf.Tensor:
    match activation:
        case "relu":
            return tf.nn.relu(values)
        case "gelu":
            return values * _normal_cdf(values)
        case "silu":
            return values * tf.sigmoid(values)
    return values


def _activation_derivative(values: tf.Tensor, activation: Fused) -> tf.Tensor:
    """Return the derivative of an activation."""
    match activation:
        case "relu":
            return tf.cast(values > 0.0, values.dtype)
        case "gelu":
            density = tf.exp(-0.5 * tf.square(values)) / math.sqrt(2 * math.pi)
            return _normal_cdf(values) + values * density
        case "silu":
            gate = tf.sigmoid(values)
            return gate * (1 + values * (1 - gate))


def _normal_cdf(values: tf.Tensor) -> tf.Tensor:
    """Return the probability that a standard normal number is below each value."""
    return 0.5 * (1 + tf.math.erf(values / math.sqrt(2)))


@tf.function(jit_compile=True, autograph=False)
def _sum_above_zero(
    values: tf.Tensor, added: tf.Tensor, slope: tf.Tensor, start: tf.Tensor
) -> tf.Tensor:
    exact = tf.cast(values, tf.float32) * slope + start + tf.cast(added, tf.float32)
    return tf.cast(tf.nn.relu(exact), values.dtype)


@tf.function(jit_compile=True, autograph=False)
def _where_above_zero(
    values: tf.Tensor, added: tf.Tensor, above: tf.Tensor, slope: tf.Tensor, start: tf.Tensor
) -> tf.Tensor:
    exact = tf.cast(values, tf.float32) * slope + start + tf.cast(added, tf.float32)
    return tf.where(exact > 0.0, above, tf.zeros_like(above))


def _activation_gradient(
    values: tf.Tensor,
    above: tf.Tensor,
    slope: tf.Tensor,
    start: tf.Tensor,
    activation: Fused | None,
) -> tf.Tensor:
    """Return the gradient before the activation, float32."""
    exact = tf.cast(above, tf.float32)
    if activation is None:
        return exact
    return exact * _activation_derivative(tf.cast(values, tf.float32) * slope + start, activation)


@tf.function(jit_compile=True, autograph=False)
def _gradient_sums(
    values: tf.Tensor,
    above: tf.Tensor,
    slope: tf.Tensor,
    start: tf.Tensor,
    mean: tf.Tensor,
    spread: tf.Tensor,
    *,
    activation: Fused | None,
) -> tuple[tf.Tensor, tf.Tensor]:
    through = _activation_gradient(values, above, slope, start, activation)
    standard = (tf.cast(values, tf.float32) - mean) * spread
    axes = _axes(values)
    return tf.reduce_sum(through, axes), tf.reduce_sum(through * standard, axes)


@tf.function(jit_compile=True, autograph=False)
def _gradient(
    values: tf.Tensor,
    above: tf.Tensor,
    slope: tf.Tensor,
    start: tf.Tensor,
    mean: tf.Tensor,
    spread: tf.Tensor,
    mean_through: tf.Tensor,
    mean_along: tf.Tensor,
    *,
    activation: Fused | None,
) -> tf.Tensor:
    through = _activation_gradient(values, above, slope, start, activation)
    standard = (tf.cast(values, tf.float32) - mean) * spread
    return tf.cast(slope * (through - mean_through - standard * mean_along), values.dtype)
