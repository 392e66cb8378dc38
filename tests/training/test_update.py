"""The steps of our optimizers are Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cifarviz.experiment.optimizers import OPTIMIZERS, SGD, AdamW, Lion, Optimizer
from cifarviz.training.trainable import build_optimizer
from cifarviz.training.update import apply_gradients

RATES = (0.01, 0.02, 0.005)


@pytest.mark.parametrize(
    "spec",
    [
        *(make() for make in OPTIMIZERS.values()),
        AdamW(weight_decay=0.1), SGD(momentum=0.0), SGD(momentum=0.85, nesterov=True),
        Lion(weight_decay=0.1),
    ],
    ids=str,
)  # fmt: skip
def test_steps_are_those_of_keras(spec: Optimizer) -> None:
    random = np.random.default_rng(5)
    start = [random.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4,))]
    ours = [keras.Variable(value) for value in start]
    theirs = [keras.Variable(value) for value in start]
    our_optimizer, their_optimizer = build_optimizer(spec), build_optimizer(spec)
    our_optimizer.build(ours)
    their_optimizer.build(theirs)
    for rate in RATES:
        gradients = [tf.constant(random.normal(size=v.shape), tf.float32) for v in start]
        apply_gradients(our_optimizer, gradients, ours, tf.constant(rate))
        their_optimizer.learning_rate.assign(rate)
        their_optimizer.apply(gradients, theirs)
    for found, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found.numpy(), right.numpy(), rtol=1e-5, atol=1e-6)
    # What a checkpoint keeps, to go on from.
    for found, right in zip(our_optimizer.variables, their_optimizer.variables, strict=True):
        np.testing.assert_allclose(found.numpy(), right.numpy(), rtol=1e-5, atol=1e-6)
