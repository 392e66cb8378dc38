import math

import numpy as np
import pytest

from cifarviz.analysis.evaluation import accuracy, count_confusion, cross_entropy, score_classes

CLASSES = ("cat", "dog", "ship")


def test_scores_by_hand() -> None:
    # Of 4 cats 3 are found, and one dog is taken for a cat.
    scores = score_classes(CLASSES, np.array([[3, 1, 0], [1, 1, 0], [0, 0, 5]]))

    assert scores.precision.tolist() == [3 / 4, 1 / 2, 1]
    assert scores.recall.tolist() == [3 / 4, 1 / 2, 1]
    assert scores.support.tolist() == [4, 2, 5]


def test_scores_are_scikit_learns() -> None:
    from sklearn.metrics import precision_recall_fscore_support

    random = np.random.default_rng(1)
    labels = random.integers(0, 9, 400)
    predicted = np.where(random.random(400) < 0.5, labels, random.integers(0, 8, 400))
    names = tuple("abcdefghij")

    scores = score_classes(names, count_confusion(labels, predicted, 10))

    # Class 9 neither occurs nor is predicted, so that it has no score at all.
    expected = precision_recall_fscore_support(
        labels, predicted, labels=range(10), zero_division=np.nan
    )
    ours = (scores.precision, scores.recall, scores.f1, scores.support)
    for mine, theirs in zip(ours, expected, strict=True):
        np.testing.assert_allclose(mine, theirs)
    assert math.isnan(scores.f1[9])


@pytest.mark.filterwarnings("error")
def test_undefined_scores_are_nan_without_a_warning() -> None:
    # All three images are cats, and one was taken for a dog.
    scores = score_classes(CLASSES, np.array([[2, 1, 0], [0, 0, 0], [0, 0, 0]]))

    np.testing.assert_array_equal(scores.precision, [1, 0, np.nan])
    np.testing.assert_array_equal(scores.recall, [2 / 3, np.nan, np.nan])
    np.testing.assert_array_equal(scores.f1, [0.8, 0, np.nan])


def test_the_table_has_one_row_per_class() -> None:
    table = score_classes(CLASSES, np.diag([3, 1, 4])).to_frame()

    assert list(table.index) == list(CLASSES)
    assert table.loc["ship"].to_dict() == {"precision": 1, "recall": 1, "f1": 1, "support": 4}
    assert table["support"].dtype == np.int64


def test_a_matrix_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="3 classes"):
        score_classes(CLASSES, np.eye(2, dtype=int))


def test_accuracy_is_the_share_of_correct_predictions() -> None:
    assert accuracy(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.75


def test_cross_entropy_by_hand() -> None:
    logs = np.log(np.array([[0.5, 0.5], [0.75, 0.25]], np.float32))

    loss = cross_entropy(np.array([0, 1], np.uint8), logs)

    assert loss == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_cross_entropy_is_scikit_learns() -> None:
    from sklearn.metrics import log_loss

    random = np.random.default_rng(2)
    labels = random.integers(0, 5, 200)
    probabilities = random.dirichlet(np.ones(5), 200)

    expected = log_loss(labels, probabilities, labels=range(5))
    assert cross_entropy(labels, np.log(probabilities)) == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_a_confident_mistake_is_not_clipped() -> None:
    logs = np.array([[0.0, -1234.5], [-3e5, 0.0]], np.float32)

    assert cross_entropy(np.array([1, 1]), logs) == pytest.approx(1234.5 / 2)
    assert cross_entropy(np.array([0, 0]), logs) == pytest.approx(1.5e5)
    assert cross_entropy(np.array([0, 1]), logs) == 0


@pytest.mark.filterwarnings("error")
def test_no_images_have_neither_loss_nor_accuracy() -> None:
    none = np.empty(0, np.int64)

    assert math.isnan(accuracy(none, none))
    assert math.isnan(cross_entropy(none, np.empty((0, 3))))
