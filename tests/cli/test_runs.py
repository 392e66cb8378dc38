"""``runs`` lists damaged records as such, and ``runs delete`` removes a run."""

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
    made = stored_runs.store_run(store, stored_runs.experiment(), name="mine")
    stored_runs.add_checkpoint(store, made)
    return made


@pytest.fixture
def damaged(store: RunStore) -> Run:
    made = stored_runs.store_run(store, stored_runs.experiment(), name="bad one")
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE runs SET state = 'archived', started = 1.7e12 WHERE id = ?", (made.id,)
        )
    return made


def by_name(listed: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in listed}


def test_a_damaged_record_is_listed_with_what_is_wrong(call: Call, run: Run, damaged: Run) -> None:
    listed = by_name(call("runs", "--json").json)
    assert (listed["mine"]["state"], listed["mine"]["damage"]) == ("finished", None)
    one = listed["bad one"]
    assert (one["run"], one["state"], one["seed"]) == (damaged.id, "damaged", None)
    assert one["damage"].startswith("its “state” is “archived”")
    assert (one["losses"], listed["mine"]["losses"]) == (None, "plain cross-entropy")
    assert one.keys() == listed["mine"].keys()
    table = call("runs")
    assert table.code == 0
    assert "3 of 3" in table.out
    assert f"Run {damaged.id} (bad one) is damaged: its “state” is “archived”" in table.err


def test_delete_removes_a_run_and_prints_what_it_was(call: Call, store: RunStore, run: Run) -> None:
    answer = call("runs", "delete", run.id[:6], "--json")
    assert answer.code == 0
    assert answer.json == {"run": run.id, "name": "mine", "epochs": 3}
    assert call("runs", "--json").json == []
    assert not store.folder(run.id).exists()


def test_delete_says_in_a_line_what_it_did(call: Call, run: Run) -> None:
    answer = call("runs", "delete", run.id)
    assert (answer.code, answer.out) == (0, "")
    assert f"“mine” (run {run.id}) is deleted" in answer.err


def test_delete_removes_a_damaged_one_too(call: Call, run: Run, damaged: Run) -> None:
    assert call("runs", "delete", damaged.id).code == 0
    assert [one["run"] for one in call("runs", "--json").json] == [run.id]


def test_what_is_not_there_or_active_is_a_wrong_request(call: Call, store: RunStore) -> None:
    answer = call("runs", "delete", "0123abcd")
    assert answer.code == 2
    assert "There is no run “0123abcd”" in answer.err
    active = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
    with stored_runs.held(store, active):
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = 'queued'")
        answer = call("runs", "delete", active.id)
        assert answer.code == 2
        assert "is queued: stop it before you delete it." in answer.err
        assert len(call("runs", "--json").json) == 1


def test_its_content_is_refused_in_words(call: Call, damaged: Run, tmp_path: Path) -> None:
    answer = call("export", damaged.id, "--as", "run", "--out", tmp_path)
    assert answer.code == 1
    assert f"python -m cifarviz runs delete {damaged.id}" in answer.err
    assert list(tmp_path.glob("*.zip")) == []
    answer = call("evaluate", damaged.id)
    assert answer.code == 2
    assert "is damaged: its “state” is “archived”" in answer.err


def test_a_word_too_many_is_a_wrong_request(call: Call) -> None:
    assert call("runs", "remove").code == 2
    assert call("runs", "delete").code == 2
