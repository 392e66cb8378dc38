"""``import`` brings a packed run into this home."""

from dataclasses import replace
from pathlib import Path

from cifarviz.runs.archive import pack
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.cli.conftest import Call


def test_a_packed_run_is_listed_after_it_is_imported(
    call: Call, settings: Settings, tmp_path: Path
) -> None:
    elsewhere = RunStore(replace(settings, home=tmp_path / "elsewhere"))
    run = stored_runs.store_run(elsewhere, stored_runs.experiment(), name="from afar")
    pack(elsewhere, run.id, tmp_path / "run.zip")
    answer = call("import", tmp_path / "run.zip", "--json")
    assert answer.code == 0
    assert answer.json == {"run": run.id, "name": "from afar", "epochs": 3}
    (listed,) = call("runs", "--json").json
    assert (listed["run"], listed["origin"]) == (run.id, "imported")


def test_what_is_no_packed_run_is_a_wrong_request(call: Call, tmp_path: Path) -> None:
    (tmp_path / "photo.zip").write_bytes(b"no zip")
    for name, words in (("photo.zip", "not a run packed"), ("none.zip", "There is no file")):
        answer = call("import", tmp_path / name)
        assert answer.code == 2
        assert words in answer.err
    assert call("runs", "--json").json == []


def test_a_packed_run_with_a_damaged_member_is_a_wrong_request(
    call: Call, settings: Settings, tmp_path: Path
) -> None:
    elsewhere = RunStore(replace(settings, home=tmp_path / "elsewhere"))
    run = stored_runs.store_run(elsewhere, stored_runs.experiment())
    pack(elsewhere, run.id, tmp_path / "run.zip")
    content = bytearray((tmp_path / "run.zip").read_bytes())
    # Inside the first member's compressed bytes; the directory stays whole.
    content[60:64] = bytes(byte ^ 255 for byte in content[60:64])
    (tmp_path / "run.zip").write_bytes(content)
    answer = call("import", tmp_path / "run.zip")
    assert answer.code == 2
    assert "not a run packed by cifarviz: “run.json” cannot be read. Pack it again." in answer.err
    assert call("runs", "--json").json == []
