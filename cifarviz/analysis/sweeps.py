"""What a network makes of pictures as a change of them grows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import predicted_classes
from cifarviz.data.distortions import Amounts, Distortion, distort
from cifarviz.data.image_set import ImageSet

POINTS: Final = 41
"""Amounts of the curve of a picture; see ``Distortion.grid``."""
ACCURACY_POINTS: Final = 21
SAMPLE: Final = 200
"""Test images that accuracies over an amount are measured on."""
_SEED = 0

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]
Predict = Callable[[Pixels], Probabilities]
"""Probabilities (n, classes) of images, uint8 (n, height, width, channels)."""


@dataclass(frozen=True, eq=False)
class Flip:
    """The tried amount nearest to the neutral one at which another class is predicted.

    ``pixels`` are the picture there, ``probabilities`` (classes,) those predicted for it.
    """

    amount: float
    pixels: Pixels
    probabilities: Probabilities

    @property
    def predicted(self) -> int:
        """The index of the class predicted there."""
        return int(self.probabilities.argmax())


@dataclass(frozen=True, eq=False)
class Sweep:
    """A picture's probabilities (n, classes) at ``amounts`` (n,) of a distortion, ascending.

    ``predicted`` is the class at the neutral amount; ``flips`` are the nearest on either side, in
    order: none, one or two. Their amounts are among ``amounts``.
    """

    amounts: NDArray[np.float64]
    probabilities: Probabilities
    predicted: int
    flips: tuple[Flip, ...]


@dataclass(frozen=True, eq=False)
class AccuracyCurve:
    """How many of ``images`` images are classified correctly at each of ``amounts``; (n,) both."""

    amounts: NDArray[np.float64]
    correct: NDArray[np.int64]
    images: int


def sweep(predict: Predict, pixels: Pixels, distortion: Distortion, others: Amounts) -> Sweep:
    """Predict a picture over the range of ``distortion``, with ``others`` at their amounts.

    The amount of ``distortion`` in ``others`` does not count. Where the nearest flip on a side is
    between two of ``POINTS`` amounts, every step between them is predicted, too; one that is undone
    before the next of them is not seen.
    """
    amounts = distortion.grid(POINTS)
    probabilities = predict(_distorted(pixels, distortion, amounts, others))
    steps = _steps_between(distortion, amounts, _changes(distortion, amounts, probabilities))
    if steps.size:
        found = predict(_distorted(pixels, distortion, steps, others))
        amounts = np.concatenate([amounts, steps])
        order = np.argsort(amounts)
        amounts, probabilities = amounts[order], np.concatenate([probabilities, found])[order]
    flips = [at for _, at in _changes(distortion, amounts, probabilities)]
    pictures = [_distorted(pixels, distortion, amounts[[at]], others)[0] for at in flips]
    start = int(np.searchsorted(amounts, distortion.neutral))
    return Sweep(
        amounts,
        probabilities,
        int(probabilities[start].argmax()),
        tuple(
            Flip(float(amounts[at]), picture, probabilities[at])
            for at, picture in zip(flips, pictures, strict=True)
        ),
    )


def _changes(
    distortion: Distortion, amounts: NDArray[np.float64], probabilities: Probabilities
) -> list[tuple[int, int]]:
    """Return where the class changes first on either side of the neutral amount.

    Each is a pair of neighbours among ``amounts``: the last with the class there, and the first
    with another.
    """
    classes = predicted_classes(probabilities)
    start = int(np.searchsorted(amounts, distortion.neutral))
    changed = np.flatnonzero(classes != classes[start])
    below, above = changed[changed < start][-1:], changed[changed > start][:1]
    return [(at + 1, at) for at in below.tolist()] + [(at - 1, at) for at in above.tolist()]


def _steps_between(
    distortion: Distortion, amounts: NDArray[np.float64], pairs: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """Return the amounts of all steps between the two amounts of each pair."""
    steps: list[float] = []
    for pair in pairs:
        low, high = sorted(distortion.position(amounts[at]) for at in pair)
        steps += [distortion.amount(position) for position in range(low + 1, high)]
    return np.array(steps)


def _distorted(
    pixels: Pixels, distortion: Distortion, amounts: NDArray[np.float64], others: Amounts
) -> Pixels:
    return np.stack([distort(pixels, {**others, distortion.key: a}) for a in amounts.tolist()])


def accuracy_sample(images: ImageSet) -> ImageSet:
    """Return ``SAMPLE`` of the images in order, always the same ones, or all if they are fewer."""
    count = min(SAMPLE, len(images))
    drawn = np.random.default_rng(_SEED).choice(len(images), count, replace=False)
    return images.take(np.sort(drawn))


def accuracy_sweep(
    predict: Predict,
    images: ImageSet,
    distortion: Distortion,
    others: Amounts,
    on_progress: Callable[[int], None],
) -> AccuracyCurve:
    """Measure the accuracy on ``images`` over the range of ``distortion``, with ``others`` set.

    Each image has noise of its own, whose seed is its index. ``on_progress`` is called with the
    number of predictions made, of ``len(images)`` at each of ``accuracy_amounts``.
    """
    amounts = accuracy_amounts(distortion)
    correct = []
    for amount in amounts.tolist():
        at = {**others, distortion.key: amount}
        pictures = [
            distort(pixels, at, seed=int(index))
            for pixels, index in zip(images.images, images.indices, strict=True)
        ]
        predicted = predicted_classes(predict(np.stack(pictures)))
        correct.append(int((predicted == images.labels).sum()))
        on_progress(len(correct) * len(images))
    return AccuracyCurve(amounts, np.array(correct), len(images))


def accuracy_amounts(distortion: Distortion) -> NDArray[np.float64]:
    """Return the amounts at which ``accuracy_sweep`` measures."""
    return distortion.grid(ACCURACY_POINTS)
