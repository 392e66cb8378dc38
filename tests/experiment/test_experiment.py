"""Defaults, immutability and split sizes of an experiment."""

import numpy as np
import pytest
from pydantic import ValidationError

from cifarviz.datasets.registry import DATASETS
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import (
    Data,
    NoValidation,
    SplitValidation,
    TestValidation,
)
from cifarviz.experiment.experiment import Experiment, SplitSizes
from tests.experiment.small_experiment import experiment


def test_defaults_need_a_network_only():
    assert experiment().data.dataset in DATASETS
    with pytest.raises(ExperimentInvalid, match=r"^The architecture is missing\.$"):
        Experiment.make()


def test_values_cannot_be_changed():
    with pytest.raises(ValidationError):
        experiment().batch_size = 3


@pytest.mark.parametrize(
    ("changes", "images", "sizes"),
    [
        ({"validation": SplitValidation(fraction=0.3)}, (50_000, 10_000), (35_000, 15_000, 1094)),
        (
            {"validation": TestValidation(), "batch_size": 4},
            (50_000, 10_000),
            (50_000, 10_000, 12_500),
        ),
        ({"validation": NoValidation(), "batch_size": 7}, (50, 10), (50, 0, 8)),
        ({"data": Data(train_images=100)}, (5_000, 1_000), (100, 1_000, 4)),
    ],
)
def test_sizes(changes, images, sizes):
    assert experiment(**changes).sizes(*images) == SplitSizes(*sizes)


@pytest.mark.parametrize("n", [4, 7, 99, 5_000, 50_000])
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.333, 0.7])
def test_split_sizes_are_scikit_learns(n, fraction):
    from sklearn.model_selection import train_test_split

    train, validation = train_test_split(np.arange(n), test_size=fraction, random_state=0)
    made = experiment(validation=SplitValidation(fraction=fraction), batch_size=1)
    assert made.sizes(n, 0) == SplitSizes(len(train), len(validation), len(train))


@pytest.mark.parametrize(
    ("changes", "images", "message"),
    [
        (
            {"data": Data(train_images=5_000)},
            5_000,
            "You chose 5,000 training images and there",
        ),
        ({"batch_size": 64}, 50, "The batch size 64 is larger than the 40 training images"),
        (
            {"data": Data(train_images=10)},
            5_000,
            "The batch size 32 is larger than the 10 training",
        ),
        ({"batch_size": 1}, 1, "leaves none for training"),
        ({"validation": NoValidation()}, 0, "There are no training images"),
    ],
)
def test_choices_that_do_not_fit_the_data_are_refused(changes, images, message):
    with pytest.raises(ExperimentInvalid, match=message):
        experiment(**changes).check_against(images)
