"""``import`` adds a packed run to this home."""

from dataclasses import replace
from pathlib import Path

from cifarviz.runs.archive import pack
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.cli.conftest import Call


def test_an_imported_run_is_listed(call: Call, settings: Settings, tmp_path: Path) -> None:
    elsewhere = RunStore(replace(settings, home=tmp_path / "elsewhere"))
    run = stored_runs.store_run(elsewhere, stored_runs.experiment(), name="from afar")
    pack(elsewhere, run.id, tmp_path / "run.zip")
    result = call("import", tmp_path / "run.zip", "--json")
    assert result.code == 0
    assert result.json == {
        "run": run.id,
        "name": "from afar",
        "epochs": 3,
        "dataset": "cifar10",
        "notes": [],
    }
    (listed,) = call("runs", "--json").json
    assert (listed["run"], listed["origin"]) == (run.id, "imported")


def test_a_file_that_is_not_a_packed_run_is_refused(call: Call, tmp_path: Path) -> None:
    (tmp_path / "photo.zip").write_bytes(b"no zip")
    for name, message in (("photo.zip", "not a run packed"), ("none.zip", "There is no file")):
        result = call("import", tmp_path / name)
        assert result.code == 2
        assert message in result.err
    assert call("runs", "--json").json == []


def test_a_packed_run_with_a_damaged_member_is_refused(
    call: Call, settings: Settings, tmp_path: Path
) -> None:
    elsewhere = RunStore(replace(settings, home=tmp_path / "elsewhere"))
    run = stored_runs.store_run(elsewhere, stored_runs.experiment())
    pack(elsewhere, run.id, tmp_path / "run.zip")
    content = bytearray((tmp_path / "run.zip").read_bytes())
    # Inside the first member's compressed bytes; the directory stays intact.
    content[60:64] = bytes(byte ^ 255 for byte in content[60:64])
    (tmp_path / "run.zip").write_bytes(content)
    result = call("import", tmp_path / "run.zip")
    assert result.code == 2
    assert "not a run packed by cifarviz: “run.json” cannot be read. Pack it again." in result.err
    assert call("runs", "--json").json == []
