"""The images a run was trained on, and others of the same kind."""

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.experiment.choices import Data, NoValidation, SplitValidation
from cifarviz.experiment.split_positions import train_positions
from cifarviz.runs.records import Run
from cifarviz.runs.run_images import load_run_images
from cifarviz.settings import Settings
from cifarviz.training.plan import make_plan
from tests import stored_runs

SPLIT = SplitValidation(fraction=0.3, seed=777)


def of(settings: Settings, run: Run, train: int = 9_999, reference: int = 9_999):
    return load_run_images(run, settings, most_train=train, most_reference=reference)


def test_they_are_those_of_the_training(settings: Settings) -> None:
    experiment = stored_runs.experiment(data=Data(train_images=200), validation=SPLIT)
    plan = make_plan(experiment, library.load("cifar10", "sample", settings))
    found = of(settings, stored_runs.run_record(experiment))
    assert set(found.train.indices) == set(plan.train.indices)
    assert plan.validation is not None
    assert set(found.reference.indices) == set(plan.validation.indices)
    assert found.reference_split == "validation"
    few = of(settings, stored_runs.run_record(experiment), 10, 20)
    assert (len(few.train), len(few.reference)) == (10, 20)
    assert set(few.reference.indices) <= set(plan.validation.indices)


def test_without_validation_images_the_reference_are_test_images(settings: Settings) -> None:
    experiment = stored_runs.experiment(data=Data(), validation=NoValidation())
    found = of(settings, stored_runs.run_record(experiment))
    test = library.load("cifar10", "sample", settings).test
    assert found.reference_split == "test"
    np.testing.assert_array_equal(found.reference.indices, test.indices)


@pytest.mark.parametrize("validation", [SPLIT, NoValidation()])
def test_of_the_full_set_they_are_those_in_the_sample(
    settings: Settings, validation: object
) -> None:
    experiment = stored_runs.experiment(data=Data(variant="full"), validation=validation)
    found = of(settings, stored_runs.run_record(experiment))
    sample = library.load("cifar10", "sample", settings).train.indices
    train, held_back = train_positions(experiment, 50_000)
    assert set(found.train.indices) == set(sample) & set(train)
    if len(held_back):
        assert set(found.reference.indices) == set(sample) & set(held_back)
        assert not set(found.reference.indices) & set(found.train.indices)
