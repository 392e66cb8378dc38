"""How many runs train at once follows from the settings, the cores, and what was measured."""

import json
from dataclasses import replace

import pytest

from cifarviz import processor
from cifarviz.runs import locks
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.local_places import (
    MEASURED_FILE,
    acquire_slot,
    best_number,
    has_free_slot,
    load_runs_an_hour,
    place_count,
    place_machine,
    place_shares,
    save_runs_an_hour,
)


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {1: ((0, 1, 2, 3),), 2: ((0, 1), (2, 3)), 3: ((0,), (1,), (2,))}
    monkeypatch.setattr(processor, "core_shares", lambda count: shares[count])


def test_places_share_the_cores(settings: Settings) -> None:
    assert place_shares(settings) == ((0, 1, 2, 3),)
    two = replace(settings, runs_at_once=2)
    assert place_shares(two) == ((0, 1), (2, 3))
    assert place_machine(two) == processor.machine_name(2)
    # Elsewhere this computer has no share in it.
    assert place_count(replace(two, executor="other")) == 1


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({1: 100.0}, 1),
        ({1: 100.0, 2: 104.0}, 1),
        ({1: 100.0, 2: 106.0}, 2),
        ({1: 100.0, 2: 150.0, 4: 155.0}, 2),
        ({1: 100.0, 2: 150.0, 4: 200.0, 8: 90.0}, 4),
    ],
)
def test_the_fewest_near_the_best_are_best(rates: dict[int, float], best: int) -> None:
    assert best_number(rates) == best


def test_auto_follows_what_was_measured_on_this_computer(settings: Settings) -> None:
    auto = replace(settings, runs_at_once=None)
    save_runs_an_hour(settings.home, {1: 100.0, 2: 150.0})
    assert load_runs_an_hour(settings.home) == {1: 100.0, 2: 150.0}
    assert place_count(auto) == 2
    assert place_count(settings) == 1
    # A process stays with what it began with.
    save_runs_an_hour(settings.home, {1: 100.0})
    assert place_count(auto) == 2


def test_without_a_measurement_auto_is_one(settings: Settings) -> None:
    assert place_count(replace(settings, runs_at_once=None)) == 1
    save_runs_an_hour(settings.home, {1: 100.0, 2: 150.0})
    path = settings.home / MEASURED_FILE
    other = json.loads(path.read_text())
    other["measured_with"]["processor"] = "Another one, 64 cores"
    for content in (json.dumps(other), "{}", "[]", '{"measured_with": 1}', "no JSON"):
        path.write_text(content)
        assert load_runs_an_hour(settings.home) is None


def test_work_that_is_no_run_takes_a_free_slot(settings: Settings) -> None:
    store = RunStore(replace(settings, runs_at_once=2))
    first = locks.acquire(store.slot_path(), 0)
    assert first is not None
    assert has_free_slot(store)
    second = acquire_slot(store)
    assert second is not None
    assert locks.is_held(store.slot_path(1))
    assert not has_free_slot(store)
    assert acquire_slot(store) is None
    first.release()
    assert has_free_slot(store)
    second.release()
