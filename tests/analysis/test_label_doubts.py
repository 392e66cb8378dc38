"""Doubted labels: means, orders and confident learning, each by hand."""

import numpy as np
import pytest

from cifarviz.analysis.label_doubts import (
    HeldOut,
    doubt_labels,
    doubts_table,
    measure_detection,
)
from cifarviz.errors import ArtifactDamaged

INDICES = np.array([30, 10, 20, 40, 50])
LABELS = np.array([0, 1, 0, 1, 2], np.uint8)
FIRST = HeldOut(
    np.array([10, 20, 30]), np.array([[0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.6, 0.3, 0.1]])
)
SECOND = HeldOut(
    np.array([40, 20, 99]), np.array([[0.5, 0.1, 0.4], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
)


def test_each_image_is_judged_by_those_that_held_it_out() -> None:
    doubts = doubt_labels(LABELS, INDICES, [FIRST, SECOND])
    # Image 50 was held out by none, and 99 is not among the images.
    assert doubts.indices.tolist() == [10, 20, 30, 40]
    assert doubts.labels.tolist() == [1, 0, 0, 1]
    assert doubts.judges.tolist() == [1, 2, 1, 1]
    np.testing.assert_allclose(doubts.probabilities[1], [0.3, 0.6, 0.1])
    # Of the two that judged image 20, one agrees with their mean.
    assert doubts.predicted.tolist() == [1, 1, 0, 0]
    assert doubts.agreeing.tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(doubts.self_confidence, [0.7, 0.3, 0.6, 0.1])
    np.testing.assert_allclose(doubts.margin, [-0.5, 0.3, -0.3, 0.4])
    assert doubts.indices[doubts.order("confidence")].tolist() == [40, 20, 30, 10]
    assert doubts.indices[doubts.order("margin")].tolist() == [40, 20, 30, 10]


def test_the_two_orders_differ_where_the_other_classes_share_the_rest() -> None:
    shares = np.array([[0.34, 0.33, 0.33], [0.40, 0.60, 0.0]])
    doubts = doubt_labels(np.zeros(2, int), np.arange(2), [HeldOut(np.arange(2), shares)])
    assert doubts.order("confidence").tolist() == [0, 1]
    assert doubts.order("margin").tolist() == [1, 0]


def test_suspected_labels_are_those_off_the_diagonal_of_the_confident_joint() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    shares = np.array(
        [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.45, 0.55], [0.2, 0.8]], np.float64
    )
    # Thresholds: the mean of 0.9, 0.8 and 0.1 is 0.6; that of 0.7, 0.55 and 0.8 is 0.683.
    doubts = doubt_labels(labels, np.arange(6), [HeldOut(np.arange(6), shares)])
    assert doubts.suspected.tolist() == [False, False, True, False, False, False]
    # With one class fewer among the labels, its threshold is out of reach.
    one = doubt_labels(np.zeros(6, int), np.arange(6), [HeldOut(np.arange(6), shares)])
    assert not one.suspected.any()


def test_precision_and_recall_are_counted() -> None:
    wrong = np.array([True, False, True, False, True])
    found = measure_detection(np.array([2, 1, 0, 3, 4]), wrong)
    assert found.wrong == 3
    np.testing.assert_allclose(found.precision, [1, 1 / 2, 2 / 3, 2 / 4, 3 / 5])
    np.testing.assert_allclose(found.recall, [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    none = measure_detection(np.arange(5), np.zeros(5, bool))
    assert none.wrong == 0
    assert np.isnan(none.recall).all()


def test_the_table_has_a_row_for_each_image_in_order() -> None:
    doubts = doubt_labels(LABELS, INDICES, [FIRST, SECOND])
    table = doubts_table(doubts, ("cat", "dog", "frog"), doubts.order("confidence"))
    assert table.index.tolist() == [40, 20, 30, 10]
    assert table["label"].tolist() == ["dog", "cat", "cat", "dog"]
    assert table["predicted"].tolist() == ["cat", "dog", "cat", "dog"]
    assert table["networks"].tolist() == [1, 2, 1, 1]


def test_a_network_that_diverged_judges_nothing() -> None:
    broken = HeldOut(np.array([10]), np.array([[np.nan, 0.5, 0.5]]))
    with pytest.raises(ArtifactDamaged, match="diverged"):
        doubt_labels(LABELS, INDICES, [FIRST, broken])
    with pytest.raises(ValueError, match="without a network"):
        doubt_labels(LABELS, INDICES, [])
