from pathlib import Path

import pytest

from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.run_headline import format_duration
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.runs.rows import folder_bytes, format_state, runs_table
from tests import stored_runs


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (59.6, "1 min 00 s"),
        (65, "1 min 05 s"),
        (3599, "59 min 59 s"),
        (7805, "2 h 10 min"),
    ],
)
def test_durations_are_formatted(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_a_queued_run_has_no_training_time(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
    row = runs_table([run]).to_dict("records")[0]
    assert (row["State"], row["Epochs"], row["Time at work"]) == ("queued", "0 of 3", "not started")


def test_a_pending_request_is_shown(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING)
    with stored_runs.hold_lock(store, run):
        store.request(run.id, Action.PAUSE)
        assert format_state(store.get(run.id)) == "running, pause requested"


def test_a_network_equal_to_a_preset_has_its_name(settings: Settings) -> None:
    store = RunStore(settings)
    starter = PRESETS["cifar10-starter"].experiment
    same = starter.model_copy(update={"preset": None, "seed": 5})
    changed = stored_runs.experiment(preset="cifar10-starter")
    runs = [stored_runs.store_run(store, made) for made in (same, changed)]
    assert list(runs_table(runs)["Network"]) == [
        "cifar10-starter, 8 layers",
        "Custom network, 6 layers",
    ]


def test_a_run_without_files_has_size_zero(tmp_path: Path) -> None:
    assert folder_bytes(tmp_path / "nowhere") == 0
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"12345")
    assert folder_bytes(tmp_path) == 5
