"""The range test as a value: rates, smoothing, divergence, and what it suggests."""

import numpy as np
import pytest

from cifarviz.experiment.choices import EarlyStopping
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import OPTIMIZERS
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import Cosine
from cifarviz.training.range_test import RangeTest, for_range_test, rising_rates, round_rate

ADAM = OPTIMIZERS["adam"]()
STEPS = 300


def made_up(
    lowest: float, *, fall: float = 0.6, noise: float = 0.05, diverges: bool = True
) -> RangeTest:
    """A test whose loss falls from 2.3 to its minimum at the rate ``lowest``, and then rises."""
    rates = rising_rates(ADAM, STEPS)
    distance = np.log10(rates / lowest)
    losses = 2.3 - fall * np.exp(-(distance**2))
    if diverges:
        losses = losses + np.where(distance > 0.5, 8 * (distance - 0.5) ** 2, 0.0)
    scatter = np.random.default_rng(3).normal(0, noise, STEPS)
    return RangeTest(rates).extended((losses + scatter).astype(np.float32), 1.0)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_rates_rise_exponentially_around_the_optimizers_default(kind: str) -> None:
    optimizer = OPTIMIZERS[kind]()
    rates = rising_rates(optimizer, 50)
    ratios = rates[1:] / rates[:-1]
    assert len(rates) == 50
    assert ratios == pytest.approx(ratios[0])
    assert ratios[0] > 1
    assert rates[0] == pytest.approx(optimizer.learning_rate / 100)
    assert rates[-1] == pytest.approx(optimizer.learning_rate * 300)
    assert rates[-1] <= (type(optimizer).limits("learning_rate")[1] or 0)


def test_rates_do_not_depend_on_the_rate_of_the_experiment() -> None:
    assert rising_rates(ADAM.model_copy(update={"learning_rate": 3.0}), 9) == pytest.approx(
        rising_rates(ADAM, 9)
    )


@pytest.mark.parametrize("lowest", [3e-4, 1e-3, 6e-3])
def test_a_third_of_the_rate_with_the_lowest_loss_is_suggested(lowest: float) -> None:
    test = made_up(lowest)
    # Around its minimum the curve is flat, and the highest of its rates counts.
    assert test.suggested is not None
    assert 0.25 * lowest < test.suggested < 0.5 * lowest
    assert test.suggested == round_rate(test.suggested or 0)
    assert test.steepest is not None
    assert lowest / 30 < test.steepest < lowest
    assert test.note is None
    assert "a third" in (test.reason or "")


def test_where_the_loss_falls_little_a_tenth_is_suggested() -> None:
    test = made_up(3e-3, fall=0.08, noise=0.02)
    assert test.suggested == pytest.approx(3e-4, rel=0.3)
    assert "a tenth" in (test.reason or "")


def test_a_loss_that_does_not_fall_suggests_nothing_and_says_why() -> None:
    test = made_up(1e-3, fall=0.0, diverges=False)
    assert test.suggested is None
    assert test.steepest is None
    assert test.reason is None
    assert "did not clearly fall" in (test.note or "")
    assert "default, 0.001." in (test.note or "")


def test_a_loss_that_is_never_a_number_says_so() -> None:
    test = RangeTest(rising_rates(ADAM, STEPS)).extended(np.full(5, np.nan, np.float32), 1.0)
    assert test.diverged
    assert len(test.losses) == 0
    assert test.suggested is None
    assert "not a finite number" in (test.note or "")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_it_ends_before_the_first_loss_that_is_not_finite(bad: float) -> None:
    losses = made_up(1e-3, diverges=False).losses.copy()
    losses[200:] = bad
    test = RangeTest(rising_rates(ADAM, STEPS)).extended(losses, 1.0)
    assert test.diverged
    assert len(test.losses) == 200
    assert np.isfinite(test.smoothed).all()
    assert test.suggested is not None


@pytest.mark.parametrize("at_once", [1, 7, 50])
def test_it_ends_at_the_same_step_however_many_are_made_at_once(at_once: int) -> None:
    whole = made_up(1e-3)
    assert whole.diverged
    assert len(whole.losses) < STEPS
    losses = np.concatenate([whole.losses, np.full(STEPS - len(whole.losses), 9, np.float32)])
    test = RangeTest(whole.rates)
    for first in range(0, STEPS, at_once):
        if not test.diverged:
            test = test.extended(losses[first : first + at_once], 1.0)
    assert np.array_equal(test.losses, whole.losses)
    assert test.suggested == whole.suggested


def test_a_constant_loss_stays_so_when_smoothed() -> None:
    losses = np.full(100, 2.5, np.float32)
    assert RangeTest(rising_rates(ADAM, 100), losses).smoothed == pytest.approx(2.5)


def test_smoothing_does_not_move_a_minimum() -> None:
    test = made_up(1e-3, noise=0.0, diverges=False)
    assert test.rates[test.smoothed.argmin()] == pytest.approx(1e-3, rel=0.1)


def test_a_test_that_has_not_begun_has_nothing() -> None:
    test = RangeTest(rising_rates(ADAM, 50))
    assert test.planned == 50
    assert test.suggested is None
    assert test.steepest is None
    assert not test.diverged


def test_experiments_that_differ_in_what_plays_no_part_have_equal_tests() -> None:
    experiment = PRESETS["cifar10-vgg"].experiment
    other = Experiment.make(
        **{
            **dict(experiment),
            "preset": None,
            "epochs": 77,
            "schedule": Cosine(),
            "early_stopping": EarlyStopping(patience=3),
            "optimizer": experiment.optimizer.model_copy(update={"learning_rate": 0.5}),
            "test_epochs": (1, 2),
            "mirrored_answers": True,
            "prediction_shift": 1,
        }
    )
    assert for_range_test(other) == for_range_test(experiment)
    for change in ({"batch_size": 64}, {"seed": 9}, {"l2": 0.1}):
        changed = Experiment.make(**{**dict(experiment), **change})
        assert for_range_test(changed) != for_range_test(experiment)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_tested_of_a_preset_is_a_valid_experiment(preset: str) -> None:
    tested = for_range_test(PRESETS[preset].experiment)
    assert Experiment.from_json(tested.to_json()) == tested
