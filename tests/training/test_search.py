"""The search of a study chooses settings and ends bad trials, also after it was rebuilt."""

from collections.abc import Mapping
from math import log10

import pytest

from cifarviz.experiment.parameters import Choices, Range, Setting
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.study import Study
from cifarviz.training.search import Search

BASE = PRESETS["cifar10-starter"].experiment
RATE = Range(key="learning_rate", low=1e-5, high=1.0, log=True)
SIZE = Choices(key="batch_size", values=(16, 32, 64))


def _study(*parameters: Range | Choices, **fields: object) -> Study:
    plain = [parameter.model_dump() for parameter in parameters]
    return Study.make(base=BASE, parameters=plain, **fields)


def _value(settings: Mapping[str, Setting]) -> float:
    """A made-up accuracy, highest at a learning rate of 0.01."""
    return 0.7 - 0.1 * abs(log10(float(settings["learning_rate"])) + 2)


def _go_on(search: Search, numbers: range) -> list[dict[str, Setting]]:
    found = []
    for number in numbers:
        settings = search.next_settings(number)
        assert settings is not None
        search.add(number, settings)
        search.report(number, 1, _value(settings))
        search.tell(number, _value(settings), "complete")
        found.append(settings)
    return found


def _rebuilt(study: Study, trials: list[dict[str, Setting]]) -> Search:
    search = Search(study)
    for number, settings in enumerate(trials, start=1):
        search.add(number, settings)
        search.report(number, 1, _value(settings))
        search.tell(number, _value(settings), "complete")
    return search


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_search_goes_on_from_its_trials_as_if_it_had_never_ended(sampler: str) -> None:
    study = _study(RATE, SIZE, sampler=sampler, trials=24)
    trials = _go_on(Search(study), range(1, 13))
    again = _go_on(_rebuilt(study, trials[:8]), range(9, 13))
    assert again == trials[8:]


def test_tpe_comes_closer_than_random_search() -> None:
    best = {
        sampler: [
            max(
                map(
                    _value,
                    _go_on(
                        Search(_study(RATE, sampler=sampler, seed=seed, trials=30)), range(1, 31)
                    ),
                )
            )
            for seed in range(3)
        ]
        for sampler in ("tpe", "random")
    }
    assert sum(best["tpe"]) > sum(best["random"])


def test_values_are_within_the_range_and_short() -> None:
    for settings in _go_on(Search(_study(RATE, SIZE, sampler="random")), range(1, 30)):
        rate = float(settings["learning_rate"])
        assert 1e-5 <= rate <= 1.0
        assert rate == float(f"{rate:.3g}")
        assert settings["batch_size"] in (16, 32, 64)


def test_a_grid_has_each_combination_once() -> None:
    study = _study(RATE.model_copy(update={"points": 3}), SIZE, sampler="grid")
    search = Search(study)
    trials = _go_on(search, range(1, 10))
    assert trials == study.grid_settings()
    assert search.next_settings(10) is None


def test_nothing_is_tried_twice() -> None:
    search = Search(_study(SIZE, sampler="random"))
    tried: list[Setting] = []
    while (settings := search.next_settings(len(tried) + 1)) is not None:
        search.add(len(tried) + 1, settings)
        tried.append(settings["batch_size"])
    assert set(tried) == {16, 32, 64}
    assert len(tried) == 3


def test_refused_settings_do_not_come_again() -> None:
    search = Search(_study(SIZE, sampler="grid"))
    search.refuse({"batch_size": 16})
    assert search.next_settings(1) == {"batch_size": 32}


def test_in_a_grid_the_base_is_judged_with_the_others() -> None:
    own = {"batch_size": BASE.batch_size}
    assert own["batch_size"] not in SIZE.values
    search = Search(_study(SIZE, pruner="halving", sampler="grid"))
    search.add(1, own)
    assert not search.report(1, 1, 0.5)
    search.tell(1, 0.5, "complete")
    settings = search.next_settings(2)
    assert settings is not None
    assert settings != own
    search.add(2, settings)
    assert search.report(2, 1, 0.1)


def test_settings_outside_of_the_search_take_no_part_in_it() -> None:
    search = Search(_study(RATE))
    search.add(1, {"learning_rate": 1e-7})
    assert not search.report(1, 1, 0.1)
    search.tell(1, 0.1, "complete")
    assert search.next_settings(2) is not None


@pytest.mark.parametrize(("pruner", "ends"), [("median", True), ("halving", True), ("none", False)])
@pytest.mark.parametrize("goal", ["accuracy", "loss"])
def test_a_bad_trial_ends_early(pruner: str, goal: str, ends: bool) -> None:
    search = Search(_study(RATE, pruner=pruner, goal=goal))
    sign = 1 if goal == "accuracy" else -1
    for number in range(1, 7):
        search.add(number, {"learning_rate": 0.001 * number})
        for epoch in range(1, 5):
            assert not search.report(number, epoch, sign * (0.5 + 0.05 * epoch + 0.01 * number))
        search.tell(number, sign * (0.7 + 0.01 * number), "complete")
    search.add(7, {"learning_rate": 0.9})
    reports = [search.report(7, epoch, sign * 0.1) for epoch in range(1, 5)]
    assert any(reports) == ends
    search.add(8, {"learning_rate": 0.02})
    assert not any(search.report(8, epoch, sign * (0.6 + 0.05 * epoch)) for epoch in range(1, 5))


def test_a_trial_of_a_deleted_run_is_forgotten() -> None:
    search = Search(_study(RATE))
    search.add(1, {"learning_rate": 0.01})
    search.tell(1, None, "failed")
    search.tell(1, None, "failed")
    assert search.next_settings(2) is not None
