"""``repair``, ``backup`` and ``restore`` work as docs/command-line.md describes."""

from pathlib import Path

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
    assert (result.code, result.out) == (0, "Now listed: 1 run. Nothing is missing.\n")


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


def test_a_backup_without_its_runs_and_a_restore_without_a_file_are_no_success(
    call: Call, store: RunStore, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store.folder(run.id) / "checkpoint-last.npz").write_bytes(b"cut")
    assert call("backup", tmp_path / "home.zip").code == 0
    lose_index(store)
    made = call("backup", tmp_path / "empty.zip")
    assert (made.code, "The files of 1 run are in" in made.err) == (1, True)
    monkeypatch.setenv("CIFARVIZ_HOME", str(tmp_path / "other"))
    restored = call("restore", tmp_path / "home.zip")
    assert (restored.code, "checkpoint-last.npz of “mine”" in restored.err) == (1, True)


def test_a_damaged_index_is_said_and_repaired(call: Call, store: RunStore, run: Run) -> None:
    store.database.path.write_bytes(b"nothing" * 5000)
    listed = call("runs")
    assert listed.code == 1
    assert "is damaged (file is not a database)" in listed.err
    assert "repair” makes the list anew" in listed.err
    result = call("repair")
    assert result.code == 1
    assert f"Listed “mine” (run {run.id}) again, with 3 epochs." in result.out
    assert "Now listed: 1 run. Not everything is there:" in result.out
    assert f"“mine” (run {run.id}) lacks loss and accuracy of" in result.out
    assert call("runs").code == 0


def test_a_repair_is_refused_while_a_run_trains(call: Call, store: RunStore, run: Run) -> None:
    with stored_runs.hold_lock(store, run):
        result = call("repair")
    assert result.code == 2
    assert "A run trains or waits in" in result.err


def test_a_backup_is_written_once_and_restored_elsewhere(
    call: Call, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "home.zip"
    made = call("backup", path, "--json")
    assert (made.code, made.json["runs"], made.json["notes"]) == (0, 1, [])
    again = call("backup", path)
    assert again.code == 2
    assert "exists: choose another name" in again.err
    assert call("backup", tmp_path).code == 0
    assert len(list(tmp_path.glob("cifarviz-2*.zip"))) == 1
    monkeypatch.setenv("CIFARVIZ_HOME", str(tmp_path / "other"))
    assert call("restore", path, "--json").json["runs"] == [run.id]
    assert call("runs", "--json").json[0]["name"] == "mine"
    assert "Already here, and left as they are: 1 run." in call("restore", path).out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("backup", "home.tar"), "must end in .zip"),
        (("backup", "nowhere/home.zip"), "There is no folder"),
        (("restore", "nowhere.zip"), "There is no file"),
        (("restore", "pyproject.toml"), "This is not a backup made by cifarviz"),
    ],
)
def test_wrong_paths_are_refused(call: Call, arguments: tuple[str, str], sentence: str) -> None:
    result = call(*arguments)
    assert result.code == 2
    assert sentence in result.err
