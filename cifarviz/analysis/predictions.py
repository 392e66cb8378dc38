"""Predicted classes from a network's probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged


@dataclass(frozen=True)
class RankedClass:
    """A class's index in the data set, its name and its probability, 0 to 1."""

    index: int
    name: str
    probability: float


def rank_classes(
    classes: Sequence[str], probabilities: NDArray[np.floating]
) -> tuple[RankedClass, ...]:
    """Rank all classes for one image, most probable first, ties in the classes' order.

    ``probabilities`` is (classes,). Raises ``ArtifactDamaged`` if one is not a number.
    """
    check_probabilities(probabilities[np.newaxis])
    ranked = [
        RankedClass(index, name, float(probability))
        for index, (name, probability) in enumerate(zip(classes, probabilities, strict=True))
    ]
    return tuple(sorted(ranked, key=lambda row: -row.probability))


def most_probable_class(classes: Sequence[str], probabilities: NDArray[np.floating]) -> RankedClass:
    """The most probable class of one image."""
    return rank_classes(classes, probabilities)[0]


def predicted_classes(probabilities: NDArray[np.floating]) -> NDArray[np.int64]:
    """The index of each image's most probable class: (n, classes) to int64 (n,)."""
    return probabilities.argmax(axis=1).astype(np.int64)


def check_probabilities(probabilities: NDArray[np.floating]) -> None:
    """Raise ``ArtifactDamaged`` unless all of (n, classes) are numbers.

    A diverged network predicts NaN, for which ``argmax`` would still return a class.
    """
    broken = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if broken:
        raise ArtifactDamaged(
            "This network diverged: its predictions for {broken:,} of {count:,} images are not "
            "numbers. Choose another run, or train again with a lower learning rate.",
            broken=broken,
            count=len(probabilities),
        )
