"""An optimizer step in as few TensorFlow operations as possible.

Keras builds each step from a dozen element-wise operations per variable. TensorFlow has fused
operations for Adam and momentum, which read and write the same variables and give the same values
except for rounding. The rest is computed as in Keras.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[keras.Variable],
    learning_rate: tf.Tensor,
) -> None:
    """Update ``variables`` by a step; ``optimizer`` was built for them in this order."""
    optimizer.learning_rate.assign(learning_rate)
    match optimizer:
        case keras.optimizers.AdamW():  # an Adam too, so it comes first
            for variable in variables:
                variable.assign(variable - variable * (optimizer.weight_decay * learning_rate))
            _adam(optimizer, gradients, variables, learning_rate)
        case keras.optimizers.Adam():
            _adam(optimizer, gradients, variables, learning_rate)
        case keras.optimizers.SGD() if optimizer.momentum:
            _momentum(optimizer, gradients, variables, learning_rate)
        case _:
            optimizer.apply(gradients, variables)


def _adam(
    optimizer: keras.optimizers.Adam,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[keras.Variable],
    learning_rate: tf.Tensor,
) -> None:
    step = tf.cast(optimizer.iterations.value, tf.float32) + 1.0
    powers = tf.pow(optimizer.beta_1, step), tf.pow(optimizer.beta_2, step)
    slots = zip(optimizer._momentums, optimizer._velocities, strict=True)
    for variable, (first, second), gradient in zip(variables, slots, gradients, strict=True):
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=first.value.handle,
            v=second.value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=learning_rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )
    optimizer.iterations.assign_add(1)


def _momentum(
    optimizer: keras.optimizers.SGD,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[keras.Variable],
    learning_rate: tf.Tensor,
) -> None:
    for variable, slot, gradient in zip(variables, optimizer.momentums, gradients, strict=True):
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.value.handle,
            accum=slot.value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=optimizer.momentum,
            use_nesterov=optimizer.nesterov,
        )
    optimizer.iterations.assign_add(1)
