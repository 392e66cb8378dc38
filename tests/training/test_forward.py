"""A batch computed in parts gives the same results as one batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import AveragePool2D, MaxPool2D
from cifarviz.layers.residual import residual
from cifarviz.network.build import build
from cifarviz.network.relu import compiled_gradient_relu
from cifarviz.network.threads import split_batch
from cifarviz.training import forward as forward_file
from cifarviz.training.forward import forward

IMAGES = np.random.default_rng(1).integers(0, 256, (21, 8, 8, 3)).astype(np.float32)
LABELS = np.arange(21) % 10
NETWORKS: dict[str, list[Layer]] = {
    "relu before max pooling": [
        Conv2D(filters=8), MaxPool2D(), Conv2D(filters=8), Conv2D(filters=8),
        MaxPool2D(padding="same"),
    ],
    "batch normalisation": [
        Conv2D(filters=8, activation="linear"), BatchNorm(), Activation(), MaxPool2D(), BatchNorm(),
    ],
    "activations after batch normalisation": [
        Conv2D(filters=8, activation="linear"), BatchNorm(), Activation(activation="gelu"),
        Conv2D(filters=8, activation="linear"), BatchNorm(), Activation(activation="silu"),
        Conv2D(filters=8, activation="linear"), BatchNorm(), Activation(activation="tanh"),
    ],
    "frozen batch normalisation": [
        Conv2D(filters=8, activation="linear"), BatchNorm(frozen=True), Activation(), MaxPool2D(),
        Conv2D(filters=4, frozen=True), BatchNorm(), residual(4).with_frozen(True),
    ],
    "relu before average pooling": [Conv2D(filters=8), AveragePool2D(), Dropout(rate=0.0)],
    "max pooling of a linear map": [Conv2D(filters=8, activation="linear"), MaxPool2D()],
    "max pooling of an activation": [Conv2D(filters=4), Activation(), MaxPool2D(), MaxPool2D()],
}  # fmt: skip


def model_of(layers: list[Layer], precision: str = "float32") -> keras.Model:
    network = Architecture(
        input_shape=(8, 8, 3),
        classes=10,
        layers=(*layers, Flatten(), Dense(units=10, activation="softmax")),
    )
    scaling = Scaling(scale=(1 / 255,) * 3, offset=(-0.5,) * 3)
    return build(network, scaling, seed=3, precision=precision)  # type: ignore[arg-type]


def learned(model: keras.Model, parts: int | None) -> tuple[np.ndarray, list[np.ndarray]]:
    """The answers in training, and the gradient of each weight; Keras' own without ``parts``."""
    images = tf.constant(IMAGES)
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        if parts is None:
            answers = model(images, training=True)
        else:
            logits = tf.concat(forward(model, split_batch(images, parts), len(IMAGES)), 0)
            answers = keras.ops.softmax(logits)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(LABELS, answers))
    return answers.numpy(), [gradient.numpy() for gradient in tape.gradient(loss, variables)]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_split_batch_predicts_and_trains_like_one_batch(name: str, parts: int) -> None:
    keras_own, ours = model_of(NETWORKS[name]), model_of(NETWORKS[name])
    expected, expected_gradients = learned(keras_own, None)
    answers, gradients = learned(ours, parts)
    np.testing.assert_allclose(answers, expected, atol=2e-6)
    for found, right in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, right, atol=2e-6)
    # The moving mean and variance of batch normalization, too.
    for found, right in zip(ours.variables, keras_own.variables, strict=True):
        np.testing.assert_allclose(found.numpy(), right.numpy(), rtol=1e-5, atol=1e-6)


def test_parts_are_joined_before_a_large_dense_layer() -> None:
    layers: list[Layer] = [Flatten(), Dense(units=2048), Dropout(rate=0.0), Dense(units=20)]
    network = Architecture(
        input_shape=(8, 8, 3), classes=10, layers=(*layers, Dense(units=10, activation="softmax"))
    )
    scaling = Scaling(scale=(1 / 255,) * 3, offset=(-0.5,) * 3)
    keras_own, ours = (build(network, scaling, seed=3) for _ in range(2))
    assert len(forward(ours, split_batch(tf.constant(IMAGES), 2), len(IMAGES))) == 1
    assert len(forward(ours, split_batch(tf.constant(IMAGES), 2), 500)) == 2
    expected, expected_gradients = learned(keras_own, None)
    answers, gradients = learned(ours, 2)
    np.testing.assert_allclose(answers, expected, atol=2e-6)
    for found, right in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, right, atol=2e-6)


def test_a_layer_keeps_its_activation() -> None:
    model = model_of(NETWORKS["relu before max pooling"])
    learned(model, 2)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.activation for layer in convolutions} == {keras.activations.relu}


def test_the_compiled_gradient_of_relu_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = NETWORKS["relu before max pooling"]
    usual_answers, usual = learned(model_of(layers, "bfloat16"), 2)
    compiled = []

    def counted(values: tf.Tensor) -> tf.Tensor:
        compiled.append(values)
        return compiled_gradient_relu(values)

    monkeypatch.setattr(forward_file, "_LARGE", 1)
    monkeypatch.setattr(forward_file, "compiled_gradient_relu", counted)
    answers, gradients = learned(model_of(layers, "bfloat16"), 2)
    assert len(compiled) == 3 * 2  # each ReLU, in each part
    np.testing.assert_array_equal(answers, usual_answers)
    for found, right in zip(gradients, usual, strict=True):
        np.testing.assert_array_equal(found, right)
