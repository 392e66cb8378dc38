"""The learning rate of each training step, with exact ends."""

import numpy as np
import pytest

from cifarviz.experiment.schedules import (
    Constant,
    Cosine,
    Milestones,
    OneCycle,
    StepSchedule,
    learning_rates,
)

BASE = np.float32(0.1)

ALL = [
    Constant(),
    StepSchedule(every_epochs=2),
    Milestones(epochs=(1, 3)),
    Cosine(),
    Cosine(warmup_epochs=2),
    OneCycle(),
]


@pytest.mark.parametrize("schedule", ALL)
@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (1, 2), (7, 1), (11, 6)])
def test_every_step_has_a_finite_rate_up_to_the_base(schedule, steps, epochs):
    rates = learning_rates(schedule, 0.1, steps, epochs)
    assert rates.dtype == np.float32
    assert rates.shape == (steps * epochs,)
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()
    assert (rates <= BASE).all()
    np.testing.assert_array_equal(rates, learning_rates(schedule, 0.1, steps, epochs))


def test_constant():
    assert set(learning_rates(Constant(), 0.1, 5, 4)) == {BASE}


def test_step_multiplies_every_few_epochs():
    rates = learning_rates(StepSchedule(every_epochs=2, factor=0.1), 1.0, 3, 5)
    np.testing.assert_allclose(rates[::3], [1, 1, 0.1, 0.1, 0.01])
    assert (rates.reshape(5, 3) == rates[::3, np.newaxis]).all()


def test_milestones_multiply_after_the_epochs_listed():
    rates = learning_rates(Milestones(epochs=(1, 3), factor=0.1), 1.0, 2, 5)
    np.testing.assert_allclose(rates[::2], [1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_ends_exactly_and_is_halfway_in_the_middle():
    rates = learning_rates(Cosine(final_fraction=0.2), 0.1, 7, 3)
    assert rates[0] == BASE
    assert rates[10] == pytest.approx(0.06)
    assert rates[-1] == np.float32(0.1 * 0.2)
    assert (np.diff(rates) < 0).all()


def test_cosine_warms_up_in_equal_steps_to_the_base():
    rates = learning_rates(Cosine(warmup_epochs=1), 0.1, 4, 3)
    np.testing.assert_allclose(rates[:5], [0.02, 0.04, 0.06, 0.08, 0.1], rtol=1e-6)
    assert rates[4] == BASE
    assert rates[-1] == 0


def test_one_cycle_rises_falls_and_ends_exactly():
    schedule = OneCycle(warmup_fraction=0.25, start_fraction=0.1, final_fraction=0.05)
    rates = learning_rates(schedule, 0.1, 7, 3)  # 21 steps, the peak at 5
    assert rates[0] == np.float32(0.1 * 0.1)
    assert rates[5] == BASE
    assert rates[-1] == np.float32(0.1 * 0.05)
    np.testing.assert_allclose(np.diff(rates[:6]), 0.018, rtol=1e-4)
    np.testing.assert_allclose(np.diff(rates[5:]), -0.095 / 15, rtol=1e-4)


@pytest.mark.parametrize(("fraction", "peak"), [(0.0, 0), (1.0, -1)])
def test_one_cycle_with_one_slope_only(fraction, peak):
    rates = learning_rates(OneCycle(warmup_fraction=fraction), 0.1, 5, 2)
    assert rates[peak] == BASE
    assert rates.argmax() == peak % 10
