"""Keras optimizers from their specifications."""

import keras

from cifarviz.experiment import optimizers as spec


def build_optimizer(optimizer: spec.Optimizer) -> keras.optimizers.Optimizer:
    """The Keras optimizer, its learning rate a variable that the training step sets."""
    rate = optimizer.learning_rate
    match optimizer:
        case spec.SGD(momentum=momentum, nesterov=nesterov):
            return keras.optimizers.SGD(rate, momentum=momentum, nesterov=nesterov)
        case spec.AdamW(weight_decay=weight_decay):
            return keras.optimizers.AdamW(rate, weight_decay=weight_decay)
        case spec.RMSprop():
            return keras.optimizers.RMSprop(rate)
        case spec.Adam():
            return keras.optimizers.Adam(rate)
    raise TypeError(f"no Keras optimizer for {optimizer!r}")
