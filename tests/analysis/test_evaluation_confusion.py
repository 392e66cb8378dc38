import numpy as np
import pytest

from cifarviz.analysis.evaluation import cell_members, count_confusion, row_percent


def test_rows_are_actual_and_columns_predicted() -> None:
    labels = np.array([0, 0, 0, 1, 2], np.uint8)
    predicted = np.array([0, 2, 2, 1, 0])

    matrix = count_confusion(labels, predicted, 3)

    assert matrix.tolist() == [[1, 0, 2], [0, 1, 0], [1, 0, 0]]


def test_the_matrix_equals_that_of_scikit_learn() -> None:
    from sklearn import metrics

    random = np.random.default_rng(1)
    # More classes than fit twice into a byte.
    labels = random.integers(0, 100, 5000).astype(np.uint8)
    predicted = random.integers(0, 100, 5000)

    matrix = count_confusion(labels, predicted, 100)

    expected = metrics.confusion_matrix(labels, predicted, labels=range(100))
    np.testing.assert_array_equal(matrix, expected)


def test_classes_that_do_not_occur_have_empty_rows() -> None:
    matrix = count_confusion(np.array([1, 1]), np.array([1, 1]), 3)

    assert matrix.tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    assert row_percent(matrix).tolist() == [[0, 0, 0], [0, 100, 0], [0, 0, 0]]


def test_no_images_give_an_empty_matrix() -> None:
    none = np.empty(0, np.int64)

    assert count_confusion(none, none, 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.filterwarnings("error")
def test_percentages_are_of_the_row() -> None:
    percent = row_percent(np.array([[3, 1], [0, 0]]))

    assert percent.tolist() == [[75, 25], [0, 0]]


@pytest.mark.parametrize(("label", "predicted"), [(3, 0), (0, 3), (-1, 0)])
def test_an_unknown_class_is_refused(label: int, predicted: int) -> None:
    with pytest.raises(ValueError, match="0 to 2"):
        count_confusion(np.array([0, label]), np.array([0, predicted]), 3)


def test_images_of_a_cell_come_most_confident_first() -> None:
    labels = np.array([0, 0, 1, 0, 0], np.uint8)
    probabilities = np.array(
        [[0.4, 0.6], [0.1, 0.9], [0.0, 1.0], [0.8, 0.2], [0.4, 0.6]], np.float32
    )

    assert cell_members(labels, probabilities, 0, 1).tolist() == [1, 0, 4]
    assert cell_members(labels, probabilities, 0, 0).tolist() == [3]
    assert cell_members(labels, probabilities, 1, 0).tolist() == []


def test_each_image_is_in_exactly_one_cell() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 4, 300)
    probabilities = random.dirichlet(np.ones(4), 300)

    cells = {(a, p): cell_members(labels, probabilities, a, p) for a in range(4) for p in range(4)}

    matrix = count_confusion(labels, probabilities.argmax(1), 4)
    assert {cell: len(members) for cell, members in cells.items()} == dict(np.ndenumerate(matrix))
    assert sorted(np.concatenate(list(cells.values()))) == list(range(300))


def test_equally_confident_images_keep_their_order() -> None:
    sure = np.tile([0.25, 0.5], 100)
    probabilities = np.stack([np.zeros(200), sure], axis=1)

    members = cell_members(np.zeros(200, np.uint8), probabilities, 0, 1)

    assert members.tolist() == [*range(1, 200, 2), *range(0, 200, 2)]
