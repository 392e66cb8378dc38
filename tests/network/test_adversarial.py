"""Adversarial pictures compared with hand-calculated and finite-difference gradients."""

import numpy as np
import pytest

from cifarviz.analysis.adversarial import ACCURACY_EPSILONS, METHODS, accuracy_under_attack
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import AveragePool2D
from cifarviz.network.adversarial import loss_gradient
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays

SCALING = Scaling((1 / 60, 1 / 61, 1 / 62), (-2.0, -2.1, -1.9))
SMOOTH = Architecture(
    input_shape=(6, 6, 3),
    classes=4,
    layers=(
        Conv2D(filters=5, activation="silu"),
        BatchNorm(),
        AveragePool2D(),
        Flatten(),
        Dense(units=4, activation="softmax"),
    ),
)
LINEAR = Architecture(
    input_shape=(6, 6, 3), classes=4, layers=(Flatten(), Dense(units=4, activation="softmax"))
)
# Away from 0 and 255, so that nothing is clipped.
IMAGES = np.random.default_rng(1).integers(60, 190, (8, 6, 6, 3)).astype(np.uint8)
LABELS = np.arange(8) % 4


def model(architecture: Architecture, views: PredictionViews = ONLY_THE_IMAGE) -> TrainedModel:
    return TrainedModel(
        architecture,
        SCALING,
        to_arrays(build(architecture, SCALING, seed=3)),
        views,
    )


def losses(network: TrainedModel, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cross-entropy of the probabilities that the network gives."""
    return -np.log(network.probabilities(images)[np.arange(len(images)), labels])


@pytest.mark.parametrize("views", [ONLY_THE_IMAGE, PredictionViews(True), PredictionViews(True, 1)])
def test_the_gradient_equals_finite_differences(views: PredictionViews) -> None:
    network = model(SMOOTH, views)
    image, label = IMAGES[:1], LABELS[1:2].astype(np.int32)
    loss, gradient = (
        tensor.numpy()
        for tensor in network.compute(loss_gradient, image, label, prediction_views=views)
    )
    probability = network.probabilities(image)[0, label[0]]
    assert loss == pytest.approx([-np.log(probability)], rel=1e-5)
    one = np.eye(108, dtype=np.uint8).reshape(108, 6, 6, 3)
    every = np.repeat(label, 108)
    above, below = losses(network, image + one, every), losses(network, image - one, every)
    # The documented factor between the loss's gradient and what is returned.
    by_hand = (above - below).reshape(6, 6, 3) / 2 / (1 - probability)
    np.testing.assert_allclose(gradient[0], by_hand, rtol=0.02, atol=0.01 * np.abs(by_hand).max())


def test_the_direction_survives_where_the_probability_is_1_in_float32() -> None:
    arrays = to_arrays(build(LINEAR, SCALING, seed=3))
    sure = {name: value * (200 if name.endswith("kernel") else 1) for name, value in arrays.items()}
    network = TrainedModel(LINEAR, SCALING, sure)
    predicted = network.probabilities(IMAGES).argmax(axis=1)
    assert (network.probabilities(IMAGES).max(axis=1) == 1).any()

    pushed = network.perturb(IMAGES, predicted, np.full(8, 3), steps=1, targeted=False)

    assert (pushed != IMAGES).all(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_fgsm_of_a_linear_network_is_what_is_calculated_by_hand(classes: int) -> None:
    layers = (Flatten(), Dense(units=classes, activation="softmax"))
    architecture = Architecture(input_shape=(6, 6, 3), classes=classes, layers=layers)
    network, labels = model(architecture), LABELS % classes
    arrays = to_arrays(build(architecture, SCALING, seed=3))
    kernel = next(value for name, value in arrays.items() if name.endswith("dense_1/kernel"))
    difference = network.probabilities(IMAGES) - np.eye(classes)[labels]
    # The scaling is positive, so that the signs are those of the gradient by its output.
    sign = np.sign((difference @ kernel.T).reshape(IMAGES.shape)).astype(int)
    epsilons = np.arange(8)

    away = network.perturb(IMAGES, labels, epsilons, steps=1, targeted=False)
    towards = network.perturb(IMAGES, labels, epsilons, steps=1, targeted=True)

    by = epsilons[:, None, None, None] * sign
    assert (away == IMAGES + by).all()
    assert (towards == IMAGES - by).all()


@pytest.mark.parametrize("views", [ONLY_THE_IMAGE, PredictionViews(True), PredictionViews(True, 1)])
@pytest.mark.parametrize("steps", [1, 10])
def test_no_pixel_changes_by_more_than_epsilon_and_the_loss_rises(
    steps: int, views: PredictionViews
) -> None:
    network = model(SMOOTH, views)
    # With pixels at both ends, where the change is cut off.
    images = np.where(IMAGES < 100, 0, np.where(IMAGES > 150, 255, IMAGES)).astype(np.uint8)
    epsilons = np.array([0, 1, 2, 3, 4, 8, 12, 16])

    pushed = network.perturb(images, LABELS, epsilons, steps=steps, targeted=False)
    aimed = network.perturb(images, LABELS, epsilons, steps=steps, targeted=True)

    assert pushed.dtype == np.uint8
    for changed in (pushed, aimed):
        most = np.abs(changed.astype(int) - images).max(axis=(1, 2, 3))
        assert (most == epsilons).all()
    before = losses(network, images, LABELS)
    assert (losses(network, pushed, LABELS)[1:] > before[1:]).all()
    assert (losses(network, aimed, LABELS)[1:] < before[1:]).all()


def test_pgd_raises_the_loss_at_least_as_much_as_fgsm() -> None:
    network = model(SMOOTH)
    epsilons = np.full(8, 16)
    one, ten = (
        losses(network, network.perturb(IMAGES, LABELS, epsilons, steps=n, targeted=False), LABELS)
        for n in (1, 10)
    )
    assert (ten >= one - 1e-3).all()


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_accuracies_of_a_linear_network_are_those_calculated_by_hand(method: str) -> None:
    arrays = to_arrays(build(LINEAR, SCALING, seed=3))
    kernel = next(value for name, value in arrays.items() if name.endswith("dense_1/kernel"))
    scale, offset = (np.array(values) for values in (SCALING.scale, SCALING.offset))

    def probabilities(pixels: np.ndarray) -> np.ndarray:
        scores = np.exp((pixels * scale + offset).reshape(len(pixels), -1) @ kernel)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    images = np.random.default_rng(4).integers(0, 256, (120, 6, 6, 3)).astype(np.uint8)
    labels = probabilities(images).argmax(axis=1).astype(np.uint8)
    labels[::7] = (labels[::7] + 1) % 4
    steps = METHODS[method].steps
    expected = []
    for epsilon in ACCURACY_EPSILONS:
        pushed = images.astype(float)
        for _ in range(steps):
            difference = probabilities(pushed) - np.eye(4)[labels]
            sign = np.sign((difference @ kernel.T).reshape(pushed.shape))
            pushed = pushed + sign * (epsilon if steps == 1 else 2.5 * epsilon / steps)
            pushed = np.clip(pushed, images - float(epsilon), images + float(epsilon))
            pushed = np.clip(pushed, 0, 255)
        expected.append(int((probabilities(np.rint(pushed)).argmax(axis=1) == labels).sum()))

    found = accuracy_under_attack(
        model(LINEAR), ImageSet(images, labels, np.arange(120)), METHODS[method], lambda done: None
    )

    assert expected[0] == 120 - len(labels[::7])
    assert expected[-1] < expected[0]
    assert found.correct.tolist() == expected


def test_images_in_any_number_are_pushed_as_one_by_one() -> None:
    network = model(SMOOTH)
    images = np.concatenate([IMAGES] * 15)
    labels, epsilons = np.tile(LABELS, 15), np.tile(np.arange(1, 9), 15)

    together = network.perturb(images, labels, epsilons, steps=10, targeted=False)

    for i in (0, 5, 99, 119):
        alone = network.perturb(
            images[i : i + 1], labels[i : i + 1], epsilons[i : i + 1], steps=10, targeted=False
        )
        # A gradient of nearly 0 may get the other sign.
        assert (alone[0] == together[i]).mean() > 0.98
    assert network.perturb(images[:0], labels[:0], epsilons[:0], steps=1, targeted=False).size == 0


def test_unknown_classes_and_other_shapes_are_refused() -> None:
    network = model(LINEAR)
    with pytest.raises(ExperimentInvalid, match="no class 4"):
        network.perturb(IMAGES, LABELS + 1, np.ones(8, int), steps=1, targeted=True)
    with pytest.raises(ExperimentInvalid, match="6×6×3"):
        network.perturb(IMAGES[:, :4], LABELS, np.ones(8, int), steps=1, targeted=True)
