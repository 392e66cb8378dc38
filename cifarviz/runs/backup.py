"""A backup of a home: one ``.zip`` of its runs and data sets, while runs train.

========================  =======================================================================
``backup.json``           what it is, and when it was made
``runs/<id>/…``           the files of the runs, except logs and what can be made of others
``data/<name>/…``         imported data sets; others, which can be fetched again, if asked for
``runs.sqlite3``          the index
========================  =======================================================================

Only what is listed here is in it: no locks, no secrets, nothing that was measured on this computer.
While the files are linked to a folder of the backup, nobody writes to the index. Its copy and the
files are of that moment, then, and no checkpoint is ahead of its history. Nothing is compressed,
so that a stranger's file cannot unpack to more than it is.
"""

import json
import os
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cifarviz.data import cache, library
from cifarviz.datasets import own
from cifarviz.datasets.arrays import ARRAY_NAMES
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import built_in_datasets
from cifarviz.errors import StorageFull
from cifarviz.runs.archive import run_file_names
from cifarviz.runs.damage import is_safe_id
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.unlisted import unlisted_message
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write, storage_errors, temporary_folder

ENDING: Final = ".zip"
MANIFEST: Final = "backup.json"
INDEX: Final = "runs.sqlite3"
FORMAT: Final = 1

TABLES: Final = frozenset(
    {"runs", "epochs", "batches", "preferences", "series", "series_runs", "people", "guesses"}
)
"""The tables of the index that are copied with their rows. Others may hold secrets; codes of people
follow from a key, which is in no table."""


@dataclass(frozen=True)
class BackupReport:
    """What is in a backup.

    ``missing`` are sentences on what should be in it and is not, ``notes`` on what need not be.
    """

    path: Path
    bytes: int
    runs: int
    files: int
    datasets: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def back_up(
    settings: Settings,
    path: Path,
    *,
    data: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> BackupReport:
    """Write a backup of a home to ``path``, atomically; runs may train meanwhile.

    ``data``: with the full data sets that can be fetched again. ``report`` is called with the bytes
    written and those in all. Raises ``StoreError``, ``IndexDamaged`` and ``StorageFull``, and
    leaves nothing behind then.
    """
    store = RunStore(settings)
    # Links need the file system of the home.
    place = path.parent if store.database.is_read_only() else settings.home
    with (
        _advised(),
        storage_errors(path.parent),
        atomic_write(path) as temporary,
        temporary_folder(place) as folder,
    ):
        links: list[str] = []
        runs, members = _freeze(store, folder, links)
        datasets = _chosen_datasets(settings, data=data)
        for info in datasets:
            members |= _freeze_dataset(info, settings, folder, links)
        files, gone = _write(temporary, runs, members, folder / INDEX, report)
    missing = [message] if (message := unlisted_message(store)) else []
    missing += [f"{name} is a link, and was left out." for name in links]
    missing += [
        f"The data set in {path} was left out: its {own.DESCRIPTION} cannot be read."
        for path in own.undescribed_folders(settings.datasets)
    ]
    notes = [f"{name} was removed while the backup was made." for name in gone]
    ids = [run.id for run in store.all() if is_safe_id(run.id)]
    if events := sum(store.tensorboard_folder(run_id).exists() for run_id in ids):
        owner = "1 run" if events == 1 else f"{events:,} runs"
        notes.append(
            f"TensorBoard files of {owner} are not in it: copy {settings.tensorboard_dir} "
            "yourself if you need them."
        )
    return BackupReport(
        path=path,
        bytes=path.stat().st_size,
        runs=runs,
        files=files,
        datasets=tuple(info.name for info in datasets),
        missing=tuple(missing),
        notes=tuple(notes),
    )


@contextmanager
def _advised() -> Iterator[None]:
    """Replace the advice of ``StorageFull``, which is for a home."""
    try:
        yield
    except StorageFull as error:
        raise StorageFull(
            "The backup could not be made: “{folder}” is full or read-only ({reason}). Free some "
            "space there, allow writing, or choose another place. Nothing of it is left.",
            folder=error.values.get("folder", ""),
            reason=error.values.get("reason", error.template),
        ) from error


def _freeze(store: RunStore, folder: Path, links: list[str]) -> tuple[int, dict[str, Path]]:
    """Copy the index and link the files of all runs, as they are at one moment.

    Returns the number of runs, and the path of each file by its name in the backup. Files that are
    symbolic links, which may lead anywhere, are added to ``links`` instead.
    """
    with ExitStack() as stack:
        may_write = not store.database.is_read_only()
        # No history grows while this transaction is open, so that no checkpoint gets ahead of it.
        with store.database.connect(write=may_write):
            reader = stack.enter_context(store.database.connect())
            states = {
                row["id"]: row["state"]
                for row in reader.execute("SELECT id, state FROM runs")
                if is_safe_id(row["id"])
            }
            members = dict(_freeze_runs(store, states, folder, links))
        _copy_index(reader, folder / INDEX)
    return len(states), members


def _freeze_runs(
    store: RunStore, states: Mapping[str, str], folder: Path, links: list[str]
) -> Iterator[tuple[str, Path]]:
    for run_id, state in states.items():
        source = store.folder(run_id)
        for name in sorted(run_file_names(source)):
            target = folder / "runs" / run_id / name
            if (source / name).is_symlink():
                links.append(f"runs/{run_id}/{name}")
                continue
            may_change = state != RunState.FINISHED and name.startswith("checkpoint-")
            with suppress(FileNotFoundError):
                frozen = _link(source / name, target, or_copy=may_change)
                yield f"runs/{run_id}/{name}", frozen


def _link(source: Path, target: Path, *, or_copy: bool) -> Path:
    """Link a file, which is only ever replaced, to another name; returns where it is to be read.

    Where the file system has no links, ``or_copy`` copies it; else it is read where it is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        if not or_copy:
            return source
        shutil.copyfile(source, target)
    return target


def _copy_index(reader: sqlite3.Connection, path: Path) -> None:
    """Copy the index as ``reader`` sees it, without leases, requests and other tables' rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        reader.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("UPDATE runs SET lease_owner = NULL, lease_expires = NULL")
        tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            if table not in TABLES and not table.startswith("sqlite_"):
                copy.execute(f'DELETE FROM "{table}"')  # noqa: S608 - constants only
        # Deleted rows are still in the file until it is written anew.
        copy.execute("VACUUM")


def _chosen_datasets(settings: Settings, *, data: bool) -> list[DatasetInfo]:
    chosen = list(own.datasets_in(settings.datasets, deleted=True))
    if data:
        chosen += [
            info for info in built_in_datasets() if library.status(info, settings).full_available
        ]
    return chosen


def _freeze_dataset(
    info: DatasetInfo, settings: Settings, folder: Path, links: list[str]
) -> dict[str, Path]:
    source = library.full_folder(info, settings)
    names = [*(f"{name}.npy" for name in ARRAY_NAMES), cache.MARKER]
    if info.own:
        names.insert(0, own.DESCRIPTION)
    members = {}
    with ExitStack() as stack:
        if os.access(settings.locks, os.W_OK):
            # Its pictures may be deleted meanwhile.
            stack.enter_context(library.fetch_lock(info, settings))
        for name in names:
            member = f"data/{info.name}/{name}"
            if (source / name).is_symlink():
                links.append(member)
                continue
            with suppress(FileNotFoundError):
                members[member] = _link(source / name, folder / member, or_copy=False)
    return members


def _write(
    path: Path,
    runs: int,
    members: Mapping[str, Path],
    index: Path,
    report: Callable[[int, int], None],
) -> tuple[int, list[str]]:
    """Write the ``.zip``; returns the number of files, and the names of those that are gone."""
    manifest = {"cifarviz": "backup", "format": FORMAT, "made": time.time(), "runs": runs}
    gone: list[str] = []
    done, total = 0, index.stat().st_size
    for member in members.values():
        with suppress(FileNotFoundError):
            total += member.stat().st_size
    # Of a file that is older than 1980 only the time is lost.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, strict_timestamps=False) as file:
        file.writestr(MANIFEST, json.dumps(manifest, indent=1))
        for name, source in (*members.items(), (INDEX, index)):
            try:
                file.write(source, name)
            except FileNotFoundError:
                gone.append(name)
                continue
            done += source.stat().st_size
            report(done, total)
    return len(members) - len(gone), gone
