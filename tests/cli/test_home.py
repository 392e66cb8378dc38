"""``repair`` says on the command line what it did, with exit code 1 where something is lost."""

import pytest

from cifarviz.runs.records import Run
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


def lose_index(store: RunStore) -> None:
    for path in store.settings.home.glob("runs.sqlite3*"):
        path.unlink()


def test_a_home_without_damage_is_whole(call: Call, run: Run) -> None:
    result = call("repair")
    assert (result.code, result.out) == (0, "1 run is listed, and nothing is missing.\n")


def test_a_lost_index_is_said_and_repaired(call: Call, store: RunStore, run: Run) -> None:
    lose_index(store)
    listed = call("runs")
    assert "The files of 1 run are in" in listed.err
    assert "There are no runs yet" not in listed.err
    result = call("repair", "--json")
    assert result.code == 1
    (again,) = result.json["relisted"]
    assert (again["run"], again["name"], again["epochs"]) == (run.id, "mine", 3)
    assert not result.json["whole"]
    assert call("runs", "--json").json[0]["run"] == run.id
    assert call("repair", "--json").json["whole"]


def test_a_damaged_index_is_said_and_repaired(call: Call, store: RunStore, run: Run) -> None:
    store.database.path.write_bytes(b"nothing" * 5000)
    listed = call("runs")
    assert listed.code == 1
    assert "is damaged (file is not a database)" in listed.err
    assert "repair” makes the list anew" in listed.err
    result = call("repair")
    assert result.code == 1
    assert f"Listed “mine” (run {run.id}) again, with 3 epochs. Missing:" in result.out
    assert call("runs").code == 0


def test_a_repair_is_refused_while_a_run_trains(call: Call, store: RunStore, run: Run) -> None:
    with stored_runs.hold_lock(store, run):
        result = call("repair")
    assert result.code == 2
    assert "A run trains or waits in" in result.err
