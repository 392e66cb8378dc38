"""``cifarviz tune-up`` prints what was measured, and waits for no run."""

import pytest

from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import tune_up as tuning
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
