"""The steps of our optimizers are Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cifarviz.experiment.optimizers import (
    OPTIMIZERS,
    SGD,
    AdamW,
    Lion,
    Muon,
    Optimizer,
    matrix_names,
)
from cifarviz.training.trainable import build_optimizer
from cifarviz.training.update import apply_gradients

RATES = (0.01, 0.02, 0.005)
# Of a convolution's kernel and bias, a hidden dense layer and the output layer.
SHAPES = ((3, 3, 2, 6), (6,), (6, 5), (5, 4))


def made_variables(values: list[np.ndarray]) -> list[keras.Variable]:
    names = ("conv2d/kernel", "conv2d/bias", "dense/kernel", "dense_1/kernel")
    found = []
    for name, value in zip(names, values, strict=True):
        layer, own = name.split("/")
        with keras.name_scope(layer):
            found.append(keras.Variable(value, name=own))
    return found


@pytest.mark.parametrize(
    "spec",
    [
        *(make() for make in OPTIMIZERS.values()),
        AdamW(weight_decay=0.1), SGD(momentum=0.0), SGD(momentum=0.85, nesterov=True),
        Lion(weight_decay=0.1), Muon(weight_decay=0.1),
    ],
    ids=str,
)  # fmt: skip
def test_steps_are_those_of_keras(spec: Optimizer) -> None:
    random = np.random.default_rng(5)
    start = [random.normal(size=shape).astype(np.float32) for shape in SHAPES]
    ours, theirs = made_variables(start), made_variables(start)
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


def test_muon_moves_a_kernel_equally_far_in_all_directions() -> None:
    random = np.random.default_rng(2)
    start = [random.normal(size=shape).astype(np.float32) for shape in SHAPES]
    variables = made_variables(start)
    optimizer = build_optimizer(Muon(momentum=0.0, adam_lr_ratio=0.5))
    optimizer.build(variables)
    gradients = [tf.constant(random.normal(size=v.shape), tf.float32) for v in start]
    apply_gradients(optimizer, gradients, variables, tf.constant(0.1))
    moved = [before - after.numpy() for before, after in zip(start, variables, strict=True)]
    for step, rows, columns in ((moved[0], 18, 6), (moved[2], 6, 5)):
        matrix = step.reshape(rows, columns)
        lengths = np.linalg.svd(matrix, compute_uv=False) / 0.1
        # Five iterations bring all singular values near to 1.
        assert (lengths > 0.6).all()
        assert (lengths < 1.3).all()
    # Adam's first step is as far as its rate, in the direction of the gradient.
    for i in (1, 3):
        np.testing.assert_allclose(moved[i], 0.05 * np.sign(gradients[i]), rtol=1e-3)


def test_muon_trains_a_convolution_as_keras_trains_its_matrix() -> None:
    random = np.random.default_rng(6)
    start = [random.normal(size=shape).astype(np.float32) for shape in SHAPES]
    ours = made_variables(start)
    optimizer = build_optimizer(Muon(momentum=0.6, weight_decay=0.1, adam_lr_ratio=0.06))
    # Keras' own has no convolutions, so it gets the matrix.
    theirs = made_variables([start[0].reshape(18, 6), *start[1:]])
    keras_own = keras.optimizers.Muon(
        momentum=0.6, weight_decay=0.1, adam_lr_ratio=0.06, rms_rate=None, adam_weight_decay=None,
        exclude_layers=["dense_1"],
    )  # fmt: skip
    optimizer.build(ours)
    keras_own.build(theirs)
    for rate in RATES:
        gradients = [random.normal(size=v.shape).astype(np.float32) for v in start]
        apply_gradients(optimizer, [*map(tf.constant, gradients)], ours, tf.constant(rate))
        keras_own.learning_rate.assign(rate)
        keras_own.apply([tf.constant(gradients[0].reshape(18, 6)), *gradients[1:]], theirs)
    for found, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            found.numpy().ravel(), right.numpy().ravel(), rtol=1e-4, atol=1e-6
        )


def test_muon_trains_depthwise_kernels_and_the_output_by_adam() -> None:
    names = (
        "conv2d/kernel",
        "separable_conv2d/depthwise_kernel",
        "depthwise_conv2d/kernel",
        "separable_conv2d/pointwise_kernel",
        "batch_norm/gamma",
        "dense/kernel",
        "out/kernel",
    )
    shapes = ((3, 3, 3, 8), (3, 3, 8, 1), (3, 3, 8, 2), (1, 1, 8, 4), (4,), (4, 9), (9, 10))
    trained = list(zip(names, shapes, strict=True))
    assert matrix_names(trained) == {names[0], names[3], names[5]}
