import numpy as np
import pytest

from cifarviz.analysis.predictions import (
    RankedClass,
    most_probable_class,
    predicted_classes,
    rank_classes,
)
from cifarviz.errors import ArtifactDamaged

CLASSES = ("cat", "dog", "ship", "frog")


def test_the_most_probable_class_comes_first_and_ties_keep_their_order() -> None:
    ranked = rank_classes(CLASSES, np.array([0.125, 0.25, 0.5, 0.125], np.float32))

    assert ranked == (
        RankedClass(2, "ship", 0.5),
        RankedClass(1, "dog", 0.25),
        RankedClass(0, "cat", 0.125),
        RankedClass(3, "frog", 0.125),
    )


def test_the_most_probable_class_is_the_predicted_one_also_with_ties() -> None:
    probabilities = np.array([[0.1, 0.4, 0.4, 0.1], [0.25, 0.25, 0.25, 0.25]], np.float32)

    assert [most_probable_class(CLASSES, row).index for row in probabilities] == [1, 0]
    assert predicted_classes(probabilities).tolist() == [1, 0]


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        rank_classes(CLASSES, np.array([0.5, 0.5]))


def test_probabilities_that_are_not_numbers_are_refused_with_a_message() -> None:
    with pytest.raises(ArtifactDamaged, match="lower learning rate"):
        most_probable_class(CLASSES, np.array([0.5, np.nan, 0.25, 0.25]))
