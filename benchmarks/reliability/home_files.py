"""Whether every file of a home can be read, and whether two runs are equal."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from cifarviz.errors import CifarvizError
from cifarviz.runs.artifacts import UNREADABLE, checkpoint_path, load_arrays, load_facts
from cifarviz.runs.store import RunStore


def unreadable_files(home: Path) -> list[str]:
    """Return what is wrong with each file of a home that cannot be read, or is half written."""
    return list(_unreadable(home)) if home.exists() else []


def _unreadable(home: Path) -> Iterator[str]:
    for path in sorted(home.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if any(part.endswith(".part") for part in path.relative_to(home).parts):
            yield f"{path.relative_to(home)} was left half written"
            continue
        try:
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as stored:
                    for name in stored.files:
                        stored[name]
            elif path.suffix == ".npy":
                np.load(path, allow_pickle=False)
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".sqlite3":
                yield from _store_problems(path)
        except UNREADABLE as error:
            yield f"{path.relative_to(home)}: {error!r}"


def _store_problems(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path)) as connection:
        for (answer,) in connection.execute("PRAGMA integrity_check"):
            if answer != "ok":
                yield f"{path.name}: {answer}"
        for row in connection.execute("PRAGMA foreign_key_check"):
            yield f"{path.name}: a row of {row[0]} belongs to nothing"


def last_step(store: RunStore, run_id: str) -> int:
    """Return the last step that the store has of a run; 0 before the first."""
    points = store.batch_points(run_id)
    return int(points.steps[-1]) if len(points) else 0


def saved_step(store: RunStore, run_id: str) -> int:
    """Return the step of a run's last checkpoint; 0 without one."""
    return int(load_facts(checkpoint_path(store.folder(run_id), "last")).get("step", 0))


def stored_state(home: Path, run_id: str) -> str:
    """Return a run's state as it is stored, without looking whether it has an owner."""
    with closing(sqlite3.connect(home / "runs.sqlite3", timeout=10)) as connection:
        row = connection.execute("SELECT state FROM runs WHERE id = ?", (run_id,)).fetchone()
    return "" if row is None else str(row[0])


def differences(store: RunStore, run_id: str, other: RunStore, other_id: str) -> Iterator[str]:
    """Yield what differs between two runs: history, batch points, weights and optimiser."""
    histories = [
        [epoch._replace(seconds=0.0) for epoch in runs.epochs(one)]
        for runs, one in ((store, run_id), (other, other_id))
    ]
    if histories[0] != histories[1]:
        first = sum(a == b for a, b in zip(*histories, strict=False)) + 1
        yield f"the histories differ from epoch {first} on"
    points, other_points = store.batch_points(run_id), other.batch_points(other_id)
    for name in ("steps", "loss", "accuracy"):
        if not np.array_equal(getattr(points, name), getattr(other_points, name)):
            yield f"the {name} of batches differ"
    try:
        arrays, _ = load_arrays(checkpoint_path(store.folder(run_id), "last"))
        others, _ = load_arrays(checkpoint_path(other.folder(other_id), "last"))
    except CifarvizError as error:
        yield str(error)
        return
    for name in arrays.keys() | others.keys():
        if name not in arrays or name not in others:
            yield f"only one checkpoint has {name}"
        elif not np.array_equal(arrays[name], others[name], equal_nan=True):
            yield f"{name} differs"
