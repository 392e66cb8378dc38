"""Wrong labels: the exact share, never the true label, reproducible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarviz.data.image_set import ImageSet
from cifarviz.data.wrong_labels import with_wrong_labels, wrong_label_order


def images(count: int, classes: int = 10, first: int = 0) -> ImageSet:
    """Images without a picture; the index says which they are, and the label follows from it."""
    indices = np.arange(first, first + count)
    pixels = np.zeros((count, 1, 1, 1), np.uint8)
    return ImageSet(pixels, (indices * 7 % classes).astype(np.uint8), indices)


def by_index(some: ImageSet) -> dict[int, int]:
    return dict(zip(some.indices.tolist(), some.labels.tolist(), strict=True))


@settings(max_examples=80, deadline=None)
@given(
    count=st.integers(1, 300),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**31 - 1),
    classes=st.integers(2, 20),
)
def test_the_share_is_exact_and_no_wrong_label_is_right(count, share, seed, classes):
    right = images(count, classes)
    given_labels = with_wrong_labels(right, share, seed, classes)
    wrong = given_labels.labels != right.labels
    assert wrong.sum() == round(share * count)
    assert given_labels.labels.max() < classes
    np.testing.assert_array_equal(given_labels.indices, right.indices)


def test_only_the_seed_decides():
    right = images(500)
    first, again, other = (with_wrong_labels(right, 0.4, seed, 10).labels for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.2
    # Written out, so that the stored runs of today mean the same for ever.
    few = images(20)
    labels = with_wrong_labels(few, 0.25, 0, 10).labels
    places = np.flatnonzero(labels != few.labels)
    assert places.tolist() == [2, 6, 8, 12, 19]
    assert labels[places].tolist() == [6, 9, 8, 9, 8]


@pytest.mark.parametrize("seed", [0, 11])
def test_the_order_of_the_images_plays_no_part(seed):
    right = images(300, first=1000)
    order = np.random.default_rng(1).permutation(300)
    straight = with_wrong_labels(right, 0.3, seed, 10)
    shuffled = with_wrong_labels(right.take(order), 0.3, seed, 10)
    assert by_index(straight) == by_index(shuffled)
    assert (
        wrong_label_order(right.indices, seed).tolist()
        == order[wrong_label_order(right.indices[order], seed)].tolist()
    )


def test_a_larger_share_contains_a_smaller_and_a_part_keeps_its_wrong_labels():
    right = images(400)
    little, much = (with_wrong_labels(right, share, 5, 10).labels for share in (0.1, 0.5))
    wrong = little != right.labels
    np.testing.assert_array_equal(much[wrong], little[wrong])
    part = right.take(np.arange(0, 400, 2))
    of_part = by_index(with_wrong_labels(part, 0.1, 5, 10))
    of_all = by_index(with_wrong_labels(right, 1.0, 5, 10))
    truth = by_index(right)
    assert all(of_part[one] in (truth[one], of_all[one]) for one in of_part)


def test_the_other_classes_come_about_equally_often():
    right = images(9000)
    given_labels = with_wrong_labels(right, 1.0, 2, 10).labels.astype(int)
    steps = (given_labels - right.labels) % 10
    counts = np.bincount(steps, minlength=10)
    assert counts[0] == 0
    assert (abs(counts[1:] - 1000) < 150).all()


def test_without_a_share_the_images_are_the_same_object():
    right = images(10)
    assert with_wrong_labels(right, 0.0, 1, 10) is right


def test_a_single_class_cannot_have_wrong_labels():
    with pytest.raises(ValueError, match="at least two classes"):
        with_wrong_labels(images(4, 1), 0.5, 1, 1)
