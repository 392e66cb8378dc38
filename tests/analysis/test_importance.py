"""Importances of settings, and when there are none."""

from dataclasses import replace

from cifarviz.analysis.importance import MIN_TRIALS, compute_importances
from tests.made_trials import made_trials


def test_the_setting_that_decides_comes_first_and_shares_add_up_to_one() -> None:
    trials = made_trials(40)
    found = compute_importances(trials)
    assert found is not None
    assert found.trials == 32
    assert found.shares[0][0].key == "optimizer.learning_rate"
    assert found.shares[0][1] > 0.8
    assert len(found.shares) == 3
    assert abs(sum(share for _, share in found.shares) - 1) < 1e-6
    assert compute_importances(trials) == found


def test_a_loss_gives_the_same_order() -> None:
    found = compute_importances(made_trials(40, "loss"))
    assert found is not None
    assert found.shares[0][0].key == "optimizer.learning_rate"


def test_few_trials_say_nothing() -> None:
    assert compute_importances(made_trials(MIN_TRIALS)) is None


def test_equal_results_or_settings_say_nothing() -> None:
    trials = made_trials(40)
    equal = tuple(replace(trial, value=0.5) for trial in trials.trials)
    assert compute_importances(replace(trials, trials=equal)) is None
    first = trials.trials[0].values
    same = tuple(replace(trial, values=first) for trial in trials.trials)
    assert compute_importances(replace(trials, trials=same)) is None


def test_a_number_that_some_trials_lack_is_left_out() -> None:
    trials = made_trials(40)
    gone = tuple(
        replace(trial, values={**trial.values, "batch_size": None}) if trial.number == 1 else trial
        for trial in trials.trials
    )
    found = compute_importances(replace(trials, trials=gone))
    assert found is not None
    assert [parameter.key for parameter in found.left_out] == ["batch_size"]
    assert len(found.shares) == 2
