"""``cifarviz tune-up`` prints what was measured, and waits for no run."""

import os
from dataclasses import replace

import pytest

from cifarviz import free_memory, processor
from cifarviz.cli import runs_at_once as measuring
from cifarviz.cli import tune_up as tune_up_command
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import tune_up as tuning
from cifarviz.training.local_places import best_number, load_runs_an_hour, place_count
from tests import stored_runs
from tests.cli.conftest import Call
from tests.tuned import TUNED


def test_it_prints_each_trial_and_the_choice(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "tune_up", lambda *arguments: TUNED)
    result = call("tune-up")
    assert result.code == 0
    assert "TensorFlow by itself" in result.out.splitlines()[1]
    assert result.out.splitlines()[2].split()[-2:] == ["150", "1,500"]
    assert "1.5 times as fast as TensorFlow by itself" in result.err
    as_json = call("tune-up", "--json").json
    assert as_json["use"] == {
        "onednn": True,
        "intra_threads": 1,
        "inter_threads": 8,
        "batch_parts": 8,
    }
    assert len(as_json["trials"]) == 2


def test_it_is_refused_while_a_run_trains(call: Call, settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    with stored_runs.hold_lock(store, run):
        result = call("tune-up")
    assert result.code == 2
    assert "A run is training" in result.err
    assert "tune up then" in result.err


def test_runs_at_once_are_measured_with_real_runs_and_kept(
    call: Call, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = min(os.sched_getaffinity(0))
    monkeypatch.setattr(processor, "core_shares", lambda count: ((core,),) * count)
    monkeypatch.setattr(tune_up_command, "sensible_numbers", lambda: [1, 2])
    for name, value in {"_EPOCHS": 1, "_TRAIN_IMAGES": 100, "_RUNS_EACH": 1, "_ROUNDS": 1}.items():
        monkeypatch.setattr(measuring, name, value)
    found = call("tune-up", "--runs-at-once", "--json").json
    assert set(found["runs_an_hour"]) == {"1", "2"}
    assert min(found["runs_an_hour"].values()) > 0
    rates = load_runs_an_hour(settings.home)
    assert rates == {int(n): rate for n, rate in found["runs_an_hour"].items()}
    assert found["runs_at_once"] == best_number(rates)
    # They were no runs of this home.
    assert RunStore(settings).all() == []


def test_runs_an_hour_are_printed_with_the_best(
    call: Call, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {1: 1000.0, 2: 1500.0, 4: 1550.0}
    monkeypatch.setattr(tune_up_command, "measure_runs_an_hour", lambda *_: rates)
    result = call("tune-up", "--runs-at-once")
    assert "1,500" in result.out
    assert "1.50" in result.out
    assert "Best for runs like these on this computer: 2 at once" in result.err
    assert place_count(replace(settings, runs_at_once=None)) == min(2, processor.usable_cores())


def test_more_cores_and_memory_allow_more_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "usable_cores", lambda: 12)
    monkeypatch.setattr(free_memory, "available_bytes", lambda: None)
    assert measuring.sensible_numbers() == [1, 2, 4, 8]
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 4 * free_memory.RUN_BYTES)
    assert measuring.sensible_numbers() == [1, 2, 4]
