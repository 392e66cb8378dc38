"""``runs`` lists runs and damaged records, and ``runs delete`` removes a run."""

from pathlib import Path
from typing import Any

import pytest

from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.cli.conftest import Call


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture
def run(store: RunStore) -> Run:
    run = stored_runs.store_run(store, stored_runs.experiment(), name="mine")
    stored_runs.add_checkpoint(store, run)
    return run


@pytest.fixture
def damaged(store: RunStore) -> Run:
    run = stored_runs.store_run(store, stored_runs.experiment(), name="bad")
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE runs SET state = 'archived', started = 1.7e12 WHERE id = ?", (run.id,)
        )
    return run


def by_name(listed: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {run["name"]: run for run in listed}


def test_a_damaged_record_is_listed_with_its_problem(call: Call, run: Run, damaged: Run) -> None:
    listed = by_name(call("runs", "--json").json)
    assert (listed["mine"]["state"], listed["mine"]["damage"]) == ("finished", None)
    bad = listed["bad"]
    assert (bad["run"], bad["state"], bad["seed"]) == (damaged.id, "damaged", None)
    assert bad["damage"].startswith("Its “state” is “archived”")
    assert (bad["losses"], listed["mine"]["losses"]) == (None, "plain cross-entropy")
    assert bad.keys() == listed["mine"].keys()
    table = call("runs")
    assert table.code == 0
    assert "3 of 3" in table.out
    assert f"Run {damaged.id} (bad) is damaged: Its “state” is “archived”" in table.err


def test_delete_removes_a_run_and_prints_its_facts_as_json(
    call: Call, store: RunStore, run: Run
) -> None:
    result = call("runs", "delete", run.id[:6], "--json")
    assert result.code == 0
    assert result.json == {"run": run.id, "name": "mine", "epochs": 3}
    assert call("runs", "--json").json == []
    assert not store.folder(run.id).exists()


def test_delete_prints_one_line(call: Call, run: Run) -> None:
    result = call("runs", "delete", run.id)
    assert (result.code, result.out) == (0, "")
    assert f"Deleted “mine” (run {run.id})" in result.err


def test_delete_removes_a_damaged_run(call: Call, run: Run, damaged: Run) -> None:
    assert call("runs", "delete", damaged.id).code == 0
    assert [listed["run"] for listed in call("runs", "--json").json] == [run.id]


def test_deleting_an_unknown_or_active_run_is_refused(call: Call, store: RunStore) -> None:
    result = call("runs", "delete", "0123abcd")
    assert result.code == 2
    assert "There is no run “0123abcd”" in result.err
    active = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
    with stored_runs.hold_lock(store, active):
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = 'queued'")
        result = call("runs", "delete", active.id)
        assert result.code == 2
        assert "is queued: stop it before you delete it." in result.err
        assert len(call("runs", "--json").json) == 1


def test_exporting_or_evaluating_a_damaged_run_is_refused(
    call: Call, damaged: Run, tmp_path: Path
) -> None:
    result = call("export", damaged.id, "--as", "run", "--out", tmp_path)
    assert result.code == 1
    assert f"python -m cifarviz runs delete {damaged.id}" in result.err
    assert list(tmp_path.glob("*.zip")) == []
    result = call("evaluate", damaged.id)
    assert result.code == 2
    assert "is damaged: Its “state” is “archived”" in result.err


def test_wrong_arguments_are_refused(call: Call) -> None:
    assert call("runs", "remove").code == 2
    assert call("runs", "delete").code == 2
