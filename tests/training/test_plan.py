"""The images a run trains on follow from its experiment alone."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Data, NoValidation, SplitValidation, TestValidation
from cifarviz.experiment.preprocessing import Divide, Standardize
from cifarviz.settings import Settings
from cifarviz.training.plan import epoch_order, make_plan


@pytest.fixture
def sample(settings: Settings) -> Dataset:
    return library.load("cifar10", "sample", settings)


def test_a_published_split_is_reproduced_index_for_index(
    sample: Dataset, make_experiment: Callable
) -> None:
    experiment = make_experiment(data=Data(), validation=SplitValidation(fraction=0.3, seed=777))
    plan = make_plan(experiment, sample)
    train, held_out = train_test_split(sample.train.indices, test_size=0.3, random_state=777)
    np.testing.assert_array_equal(plan.train.indices, train)
    assert plan.validation is not None
    np.testing.assert_array_equal(plan.validation.indices, held_out)


def test_a_smaller_training_set_is_a_subset_of_a_larger_one(
    sample: Dataset, make_experiment: Callable
) -> None:
    sets = [
        set(make_plan(make_experiment(data=Data(train_images=n)), sample).train.indices.tolist())
        for n in (50, 500, None)
    ]
    assert [len(one) for one in sets] == [50, 500, 4900]
    assert sets[0] < sets[1] < sets[2]


def test_the_three_kinds_of_validation(sample: Dataset, make_experiment: Callable) -> None:
    plans = [
        make_plan(make_experiment(data=Data(), validation=one), sample)
        for one in (SplitValidation(fraction=0.2), TestValidation(), NoValidation())
    ]
    sizes = [(len(p.train), p.validation and len(p.validation)) for p in plans]
    assert sizes == [(4000, 1000), (5000, 1000), (5000, None)]
    assert plans[1].validation is sample.test


def test_scaling_is_measured_on_all_training_images_before_the_split(
    sample: Dataset, make_experiment: Callable
) -> None:
    experiment = make_experiment(preprocessing=Standardize())
    scaling = make_plan(experiment, sample).scaling
    pixels = sample.train.images.astype(np.float64)
    scaled = pixels * np.array(scaling.scale) + np.array(scaling.offset)
    np.testing.assert_allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=(0, 1, 2)), 1, atol=1e-6)


def test_a_custom_divisor(sample: Dataset, make_experiment: Callable) -> None:
    scaling = make_plan(make_experiment(preprocessing=Divide(divisor=225)), sample).scaling
    assert scaling.scale == pytest.approx((1 / 225,) * 3)
    assert scaling.offset == (0, 0, 0)


def test_two_epochs_use_the_same_images_in_different_orders() -> None:
    orders = [epoch_order(7, epoch, 1000) for epoch in (1, 2, 3)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    assert not any((a == b).all() for a, b in itertools.pairwise(orders))
    np.testing.assert_array_equal(epoch_order(7, 2, 1000), orders[1])
    assert not (epoch_order(8, 2, 1000) == orders[1]).all()


def test_too_few_images_are_refused(sample: Dataset, make_experiment: Callable) -> None:
    with pytest.raises(ExperimentInvalid, match="5,001"):
        make_plan(make_experiment(data=Data(train_images=5001)), sample)
