"""The class order that makes confusable classes adjacent."""

from itertools import pairwise

import numpy as np

from cifarviz.analysis.evaluation import confusable_order


def test_confusable_classes_are_adjacent() -> None:
    # Even classes are taken for even ones, odd for odd ones, nothing across but a little noise.
    confusion = np.random.default_rng(0).integers(0, 2, (10, 10))
    for block in (range(0, 10, 2), range(1, 10, 2)):
        confusion[np.ix_(block, block)] += 10
    np.fill_diagonal(confusion, 50)
    order = confusable_order(confusion)
    assert sorted(order) == list(range(10))
    assert {frozenset(order[:5]), frozenset(order[5:])} == {
        frozenset(range(0, 10, 2)),
        frozenset(range(1, 10, 2)),
    }
    assert order[0] < order[-1]


def test_a_chain_of_similar_classes_keeps_its_order() -> None:
    chain = [3, 0, 4, 1, 2]
    confusion = np.diag([100] * 5)
    for one, other in pairwise(chain):
        confusion[one, other] = 30
    assert list(confusable_order(confusion)) in (chain, chain[::-1])


def test_the_order_depends_on_shares_not_on_image_counts() -> None:
    # 0 and 1 take half of each other's few images; 2 and 3 less of their many.
    confusion = np.array([[5, 5, 0, 0], [5, 5, 0, 0], [0, 0, 900, 100], [2, 0, 100, 900]])
    assert set(confusable_order(confusion)[:2]) in ({0, 1}, {2, 3})
    assert confusable_order(confusion) == confusable_order(confusion * 7)


def test_without_mistakes_or_images_the_order_is_unchanged() -> None:
    assert confusable_order(np.diag([4, 0, 3])) == (0, 1, 2)
    assert confusable_order(np.zeros((10, 10), int)) == tuple(range(10))
    assert confusable_order(np.array([[1, 2], [3, 4]])) == (0, 1)
