"""Unfinished files of killed processes are removed, those in use are not."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from cifarviz.runs.artifacts import save_arrays
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write, remove_leftovers, temporary_folder
from tests import stored_runs

# Writes half of each file, says so, and waits to be killed.
WRITER = """
import sys
from pathlib import Path
from cifarviz.storage import atomic_write, temporary_folder
runs, run = Path(sys.argv[1]), Path(sys.argv[2])
with atomic_write(run / "checkpoint-last.npz") as one, temporary_folder(runs) as coming:
    one.write_bytes(b"half")
    (coming / "files").mkdir()
    (coming / "files" / "checkpoint-best.npz").write_bytes(b"half")
    print("written", flush=True)
    sys.stdin.read()
"""


def partial(settings: Settings) -> list[str]:
    return [path.name for path in settings.home.rglob("*.part")]


def test_opening_a_home_removes_unfinished_files_of_a_killed_process(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    stored_runs.add_checkpoint(store, run)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(settings.runs), str(store.folder(run.id))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        RunStore(settings)
        # It is alive, and so are its files.
        assert len(partial(settings)) == 2
        writer.kill()
    RunStore(settings)
    assert partial(settings) == []
    names = sorted(path.name for path in store.folder(run.id).iterdir())
    assert names == ["checkpoint-last.npz", "run.json"]


def test_unfinished_files_of_a_version_without_locks_are_removed(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    snapshots = store.folder(run.id) / "snapshots"
    snapshots.mkdir(parents=True)
    for folder in (settings.home, settings.runs, store.folder(run.id), snapshots):
        (folder / ".checkpoint-last.npz.0123456789abcdef.part").write_bytes(b"half")
    (settings.runs / ".0123abcd.part").mkdir()
    (settings.runs / ".0123abcd.part" / "checkpoint-last.npz").write_bytes(b"half")
    RunStore(settings)
    assert partial(settings) == []


def test_unfinished_files_of_an_interrupted_run_are_removed(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=stored_runs.RunState.RUNNING)
    store.folder(run.id).mkdir(parents=True, exist_ok=True)
    left = store.folder(run.id) / ".checkpoint-last.npz.0123.part"
    with stored_runs.hold_lock(store, run):
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = 'running' WHERE id = ?", (run.id,))
        left.write_bytes(b"half")
        store.all()
        assert left.exists()
    assert store.get(run.id).state is stored_runs.RunState.INTERRUPTED
    assert not left.exists()


def test_links_and_similar_names_are_not_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    (tmp_path / ".link.part").symlink_to(tmp_path / "precious")
    (tmp_path / "mine.part").write_text("x")
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"precious", ".link.part", "mine.part"}


def test_a_temporary_folder_is_private_and_removed_at_the_end(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as one, temporary_folder(tmp_path) as other:
        assert one != other
        (one / "x").write_text("x")
        remove_leftovers(tmp_path)
        assert (one / "x").exists()
    assert list(tmp_path.iterdir()) == []


def test_writing_continues_during_a_simultaneous_clean_up(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "file") as temporary:
        remove_leftovers(tmp_path)
        temporary.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    save_arrays(tmp_path / "x.npz", {"a": np.ones(3)})
    assert {path.name for path in tmp_path.iterdir()} == {"file", "x.npz"}
