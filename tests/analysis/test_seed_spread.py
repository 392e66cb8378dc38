"""The spread of a result over runs that differ in their seed."""

import pytest

from cifarviz.analysis.seed_spread import run_seed, runs_with_other_seeds, seed_spread
from cifarviz.runs.states import RunState
from tests.analysis.test_trials import epochs
from tests.stored_runs import experiment, run_record


def test_other_seeds_have_all_other_settings() -> None:
    run = run_record(experiment(seed=1), id="mine")
    others = [
        run_record(experiment(seed=2, tensorboard=True), id="other seed"),
        run_record(experiment(seed=1), id="same seed"),
        run_record(experiment(seed=2, batch_size=64), id="other batch size"),
        run_record(experiment(seed=3), id="fork", parent="x", parent_epoch=1),
        run_record(experiment(seed=4), id="broken", damage="Gone."),
    ]
    assert [each.id for each in runs_with_other_seeds(run, [run, *others])] == ["other seed"]
    assert run_seed(run) == 1


def test_the_spread_is_of_finished_runs() -> None:
    runs = [
        run_record(experiment(seed=1), id="a"),
        run_record(experiment(seed=2), id="b"),
        run_record(experiment(seed=3), id="c", state=RunState.RUNNING),
    ]
    histories = {"a": epochs(0.5, 0.7), "b": epochs(0.6), "c": epochs(0.9)}
    spread = seed_spread(runs, histories, "accuracy")
    assert spread is not None
    assert spread.range == (0.6, 0.7)
    assert spread.mean == pytest.approx(0.65)
    assert seed_spread(runs[2:], histories, "accuracy") is None
