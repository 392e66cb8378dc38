import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from cifarviz.data.splits import train_validation_split
from cifarviz.errors import ExperimentInvalid


@pytest.mark.parametrize(
    ("n", "fraction", "seed"),
    [(50_000, 0.3, 777), (60_000, 0.2, 42), (5_000, 0.3, 777), (5, 0.2, 0), (7, 1 / 3, 1)],
)
def test_published_splits_are_reproduced(n, fraction, seed):
    expected = train_test_split(np.arange(n), test_size=fraction, random_state=seed)
    for ours, theirs in zip(train_validation_split(n, fraction, seed), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == np.int64


def test_the_published_split_of_fashion_mnist_begins_validation_with_a_known_image():
    train, validation = train_validation_split(60_000, 0.2, 42)
    assert (len(train), len(validation)) == (48_000, 12_000)
    assert validation[0] == 12_628


def test_the_published_split_of_cifar10():
    train, validation = train_validation_split(50_000, 0.3, 777)
    assert (len(train), len(validation)) == (35_000, 15_000)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.floats(0.001, 0.999, allow_nan=False), st.integers(0, 2**32 - 1))
def test_any_split_is_scikit_learns(n, fraction, seed):
    try:
        expected = train_test_split(np.arange(n), test_size=fraction, random_state=seed)
    except ValueError:
        with pytest.raises(ExperimentInvalid):
            train_validation_split(n, fraction, seed)
        return
    train, validation = train_validation_split(n, fraction, seed)
    np.testing.assert_array_equal(train, expected[0])
    np.testing.assert_array_equal(validation, expected[1])


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_part_outside_0_and_1_is_refused(fraction):
    with pytest.raises(ExperimentInvalid, match="between 0 and 1"):
        train_validation_split(100, fraction, 0)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_the_generator_does_not_take_is_refused(seed):
    with pytest.raises(ExperimentInvalid, match="seed"):
        train_validation_split(100, 0.5, seed)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_images_to_split(n):
    with pytest.raises(ExperimentInvalid, match="leaves none"):
        train_validation_split(n, 0.5, 0)
