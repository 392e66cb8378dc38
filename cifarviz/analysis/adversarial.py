"""Pictures changed by at most ε a pixel so that a network predicts another class.

ε is in levels of 255, and a whole number, as the pixels of stored pictures are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes
from cifarviz.analysis.sweeps import AccuracyCurve, Flip, Pixels, Probabilities
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ExperimentInvalid

MAX_EPSILON: Final = 16
ACCURACY_EPSILONS: Final = (0, 1, 2, 3, 4, 6, 8, 12, 16)
_BATCH = 100


@dataclass(frozen=True)
class AttackMethod:
    """A way to make adversarial pictures by so many steps along the gradient."""

    title: str
    steps: int
    help: str


METHODS: Final[dict[str, AttackMethod]] = {
    "fgsm": AttackMethod("FGSM", 1, "one step along the sign of the gradient"),
    "pgd": AttackMethod("PGD", 10, "ten small steps, each along the gradient at the last"),
}


class Attackable(Protocol):
    """A network that adversarial pictures are made for; as ``TrainedModel``."""

    def probabilities(self, images: Pixels) -> Probabilities:
        """Class probabilities (n, classes)."""

    def perturb(
        self,
        images: Pixels,
        labels: NDArray[np.integer],
        epsilons: NDArray[np.integer],
        *,
        steps: int,
        targeted: bool,
    ) -> Pixels:
        """Images changed by at most so many levels, away from ``labels`` or towards them."""


@dataclass(frozen=True, eq=False)
class EpsilonSweep:
    """A picture pushed by ε = 0 to ``MAX_EPSILON``: one of each array for every ε.

    ``pictures`` uint8 (n, height, width, channels), ``probabilities`` float32 (n, classes).
    ``predicted`` is the class before, ``target`` the class that was aimed at, if any.
    """

    pictures: Pixels
    probabilities: Probabilities
    predicted: int
    target: int | None

    @property
    def epsilons(self) -> NDArray[np.int64]:
        """Every ε, from 0."""
        return np.arange(len(self.pictures))

    @property
    def flip(self) -> Flip | None:
        """The smallest ε that changes the predicted class, or makes it the target; or ``None``."""
        reached = self._reached
        if not reached.any():
            return None
        at = int(reached.argmax())
        return Flip(float(at), self.pictures[at], self.probabilities[at])

    def is_fooled(self, epsilon: int) -> bool:
        """Whether the push of this size does what it aims at."""
        return bool(self._reached[epsilon])

    @property
    def _reached(self) -> NDArray[np.bool_]:
        classes = predicted_classes(self.probabilities)
        reached: NDArray[np.bool_] = (
            classes != self.predicted if self.target is None else classes == self.target
        )
        return reached

    @property
    def moved(self) -> bool:
        """Whether any push changes the picture at all: not where the gradient is 0."""
        return bool((self.pictures[1:] != self.pictures[0]).any())


def epsilon_sweep(
    model: Attackable, pixels: Pixels, method: AttackMethod, target: int | None
) -> EpsilonSweep:
    """Push a picture away from the class that is predicted for it, or towards ``target``.

    Raises ``ExperimentInvalid`` if it is predicted as the target already.
    """
    predicted = int(model.probabilities(pixels[np.newaxis]).argmax())
    if predicted == target:
        raise ExperimentInvalid(
            "The network predicts this class already. Choose another class to aim at."
        )
    epsilons = np.arange(1, MAX_EPSILON + 1)
    pushed = model.perturb(
        np.repeat(pixels[np.newaxis], MAX_EPSILON, axis=0),
        np.full(MAX_EPSILON, predicted if target is None else target),
        epsilons,
        steps=method.steps,
        targeted=target is not None,
    )
    pictures = np.concatenate([pixels[np.newaxis], pushed])
    return EpsilonSweep(pictures, model.probabilities(pictures), predicted, target)


def accuracy_under_attack(
    model: Attackable,
    images: ImageSet,
    method: AttackMethod,
    on_progress: Callable[[int], None],
) -> AccuracyCurve:
    """Measure the accuracy on ``images``, each pushed away from its true class, over ε.

    ``on_progress`` is called with the number of images done, of ``len(images)`` for each of
    ``ACCURACY_EPSILONS``.
    """
    correct, done = [], 0
    for epsilon in ACCURACY_EPSILONS:
        count = 0
        for start in range(0, len(images), _BATCH):
            batch = images.images[start : start + _BATCH]
            labels = images.labels[start : start + _BATCH]
            if epsilon:
                levels = np.full(len(batch), epsilon)
                batch = model.perturb(batch, labels, levels, steps=method.steps, targeted=False)
            count += int((predicted_classes(model.probabilities(batch)) == labels).sum())
            done += len(batch)
            on_progress(done)
        correct.append(count)
    amounts = np.array(ACCURACY_EPSILONS, np.float64)
    return AccuracyCurve(amounts, np.array(correct), len(images))


def largest_change(before: Pixels, after: Pixels) -> int:
    """Return by how many levels the pixel that differs most differs."""
    return int(np.abs(after.astype(np.int16) - before).max(initial=0))
