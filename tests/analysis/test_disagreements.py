"""Disagreements of two networks: brute force, and SciPy's exact test."""

import numpy as np
import pytest
from scipy.stats import binomtest

from cifarviz.analysis.disagreements import compare_evaluations, mcnemar_p_value
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.runs.log_probabilities import Predictions

CLASSES = tuple("abcd")


def random_evaluation(indices: np.ndarray, seed: int, skill: float) -> Evaluation:
    """A network that favours the actual class; image ``i`` is of class ``i % 4``."""
    random = np.random.default_rng(seed)
    labels = indices % 4
    shares = random.random((len(indices), 4)).astype(np.float32)
    shares[np.arange(len(indices)), labels] += skill
    return evaluate(
        labels,
        Predictions.from_probabilities(shares / shares.sum(axis=1, keepdims=True)),
        indices,
        CLASSES,
    )


@pytest.fixture
def pair() -> tuple[Evaluation, Evaluation]:
    random = np.random.default_rng(1)
    here = random.permutation(300)[:200]
    there = random.permutation(300)[:220]
    return random_evaluation(here, 2, 0.3), random_evaluation(there, 3, 0.1)


def test_counts_equal_those_of_a_loop(pair: tuple[Evaluation, Evaluation]) -> None:
    first, second = pair
    found = compare_evaluations(first, second)
    counts, same, common = np.zeros((2, 2), int), 0, []
    for place, index in enumerate(first.indices):
        for other, again in enumerate(second.indices):
            if index == again:
                one, two = first.predicted[place], second.predicted[other]
                counts[int(one != index % 4), int(two != index % 4)] += 1
                same += one == two
                common.append(index)
    assert sorted(common) == found.indices.tolist()
    np.testing.assert_array_equal(found.counts, counts)
    assert found.agreement == same / len(common)
    assert found.accuracies == (counts[0].sum() / len(common), counts[:, 0].sum() / len(common))
    np.testing.assert_array_equal(first.indices[found.positions], found.indices)
    np.testing.assert_array_equal(first.probabilities[found.positions], found.first)
    assert not found.first.flags.writeable


def test_each_side_lists_its_images_most_different_first(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    found = compare_evaluations(*pair)
    one, other = found.predicted
    for side in ("first", "second", "neither"):
        places = found.where(side)
        right = (one == found.labels, other == found.labels)
        wanted = {"first": (True, False), "second": (False, True), "neither": (False, False)}[side]
        expected = [
            place
            for place in range(len(found))
            if one[place] != other[place] and (right[0][place], right[1][place]) == wanted
        ]
        assert sorted(places) == expected
    counts = found.counts
    assert len(found.where("first")) == counts[0, 1]
    assert len(found.where("second")) == counts[1, 0]
    places = found.where("first")
    rows, labels = np.arange(len(found)), found.labels
    gap = np.abs(found.first[rows, labels] - found.second[rows, labels])
    assert (np.diff(gap[places]) <= 0).all()


@pytest.mark.parametrize(("one", "other"), [(0, 0), (5, 5), (10, 3), (0, 1), (0, 12), (513, 470)])
def test_the_p_value_is_that_of_a_fair_coin(one: int, other: int) -> None:
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar_p_value(one, other) == pytest.approx(expected)
    assert mcnemar_p_value(other, one) == mcnemar_p_value(one, other)


def test_mcnemars_textbook_example() -> None:
    # 1 of 9: 2 · (1 + 9) / 2⁹.
    assert mcnemar_p_value(1, 8) == 20 / 512


def test_without_common_images_there_are_no_disagreements() -> None:
    found = compare_evaluations(
        random_evaluation(np.arange(10), 0, 1), random_evaluation(np.arange(10, 20), 0, 1)
    )
    assert len(found) == 0
    assert not found.counts.any()
    assert np.isnan(found.agreement)


def test_images_of_another_data_set_are_refused() -> None:
    first = random_evaluation(np.arange(10), 0, 1)
    labels = (np.arange(10) + 1) % 4
    other = evaluate(labels, first.predictions, np.arange(10), CLASSES)
    with pytest.raises(ValueError, match="different data sets"):
        compare_evaluations(first, other)
