"""Adversarial pictures over ε, with a network whose gradient is known."""

import numpy as np
import pytest

from cifarviz.analysis.adversarial import (
    ACCURACY_EPSILONS,
    MAX_EPSILON,
    METHODS,
    accuracy_under_attack,
    epsilon_sweep,
    largest_change,
)
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ExperimentInvalid

FGSM = METHODS["fgsm"]


class Brightness:
    """A network with the classes dark, middle and light, by the mean of a picture's pixels."""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        means = images.astype(np.float32).mean(axis=(1, 2, 3))
        scores = -np.abs(means[:, None] - np.array([50, 100, 150], np.float32)) / 8
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def perturb(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        epsilons: np.ndarray,
        *,
        steps: int,
        targeted: bool,
    ) -> np.ndarray:
        means = images.mean(axis=(1, 2, 3))
        direction = np.sign(np.array([50, 100, 150])[labels] - means) * (1 if targeted else -1)
        changed = images + (direction * epsilons)[:, None, None, None]
        return np.clip(changed, 0, 255).astype(np.uint8)


class Still(Brightness):
    """The same without a gradient."""

    def perturb(self, images: np.ndarray, *_: np.ndarray, **__: object) -> np.ndarray:
        return images


def plain(level: int) -> np.ndarray:
    return np.full((4, 4, 1), level, np.uint8)


def test_the_smallest_epsilon_is_the_first_of_all_that_flips() -> None:
    found = epsilon_sweep(Brightness(), plain(119), FGSM, None)

    assert found.predicted == 1
    assert found.epsilons.tolist() == list(range(MAX_EPSILON + 1))
    # By hand: 125 is as far from 100 as from 150, and from 126 on it is light.
    assert found.flip is not None
    assert found.flip.amount == 7
    assert found.flip.predicted == 2
    assert (found.flip.pixels == plain(126)).all()
    assert [largest_change(plain(119), p) for p in found.pictures] == found.epsilons.tolist()
    assert (found.probabilities == Brightness().probabilities(found.pictures)).all()


def test_a_target_is_reached_or_not() -> None:
    light = epsilon_sweep(Brightness(), plain(119), FGSM, 2)
    assert light.flip is not None
    assert light.flip.amount == 7
    assert epsilon_sweep(Brightness(), plain(119), FGSM, 0).flip is None
    with pytest.raises(ExperimentInvalid, match="predicts this class already"):
        epsilon_sweep(Brightness(), plain(119), FGSM, 1)


def test_a_network_without_a_gradient_moves_nothing() -> None:
    found = epsilon_sweep(Still(), plain(119), FGSM, None)
    assert not found.moved
    assert found.flip is None
    assert epsilon_sweep(Brightness(), plain(119), FGSM, None).moved


def test_accuracies_under_attack_are_those_of_one_image_after_the_other() -> None:
    levels = np.random.default_rng(2).integers(20, 180, 130)
    pixels = np.stack([plain(level) for level in levels])
    labels = Brightness().probabilities(pixels).argmax(axis=1).astype(np.uint8)
    # Some that are wrong from the start.
    labels[::9] = (labels[::9] + 1) % 3
    done: list[int] = []

    found = accuracy_under_attack(
        Brightness(), ImageSet(pixels, labels, np.arange(130)), FGSM, done.append
    )

    assert found.amounts.tolist() == list(ACCURACY_EPSILONS)
    for epsilon, correct in zip(ACCURACY_EPSILONS, found.correct, strict=True):
        one_by_one = 0
        for image, label in zip(pixels, labels, strict=True):
            pushed = Brightness().perturb(
                image[None], np.array([label]), np.array([epsilon]), steps=1, targeted=False
            )
            one_by_one += int(Brightness().probabilities(pushed).argmax() == label)
        assert correct == one_by_one
    assert found.correct[0] == 130 - len(levels[::9])
    assert found.correct[-1] < found.correct[0]
    assert done[:2] == [100, 130]
    assert done[-1] == 130 * len(ACCURACY_EPSILONS)
