"""Restoring a backup into a home, where runs and data sets of the same names stay as they are.

The source of a backup is not trusted: names of files are checked against those that it can have,
its index is copied by tables and columns into one of our own, each run is checked as a packed one
is, and each of its files against its experiment. Nothing is unpickled.
"""

import json
import re
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifarviz.data import cache, library
from cifarviz.data.cache import check_free_space
from cifarviz.data.placing import find_equals, placed_folder
from cifarviz.data.progress import ProgressReporter
from cifarviz.data.verification import check_arrays
from cifarviz.datasets import own
from cifarviz.datasets.arrays import ARRAY_NAMES
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import built_in_datasets
from cifarviz.errors import (
    ArchiveDamaged,
    CifarvizError,
    DatasetDamaged,
    DatasetNotFound,
    ImportRefused,
    UnknownFormat,
)
from cifarviz.runs.archive import unreadable_as_damaged
from cifarviz.runs.archive_dataset import parse_dataset
from cifarviz.runs.archive_facts import (
    ImportedFacts,
    check_folder_facts,
    parse_facts,
    run_facts,
)
from cifarviz.runs.archive_files import RunFileInvalid, check_file, is_run_file
from cifarviz.runs.backup import FORMAT, INDEX, MANIFEST, TABLES
from cifarviz.runs.database import Database, find_index_damage, index_version
from cifarviz.runs.database_rows import SELECT_RUNS, as_run, fetch_epochs, insert_run
from cifarviz.runs.records import Run
from cifarviz.runs.restored_groups import (
    owners_here,
    restore_guesses,
    restore_people,
    restore_preferences,
    restore_series,
)
from cifarviz.runs.salvage import salvage
from cifarviz.runs.schema import BAD_BATCHES, SCHEMA_VERSION
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors, temporary_folder

_MAX_FILES = 500_000
_MAX_MANIFEST_BYTES = 10_000
_MAX_DESCRIPTION_BYTES = 10_000_000
_BLOCK = 1 << 20
_RUN_FILE = re.compile(r"runs/([0-9a-f]{8})/(.+)")
_DATA_FILE = re.compile(r"data/([a-z0-9-]{1,60})/([a-z_]+\.(?:npy|json))")
_DATA_NAMES = frozenset({*(f"{name}.npy" for name in ARRAY_NAMES), cache.MARKER, own.DESCRIPTION})
_INTERRUPTED = "The backup was made while this run trained."
_STOPPED = "The backup was made while this run waited."


@dataclass(frozen=True)
class RestoreReport:
    """What was restored, by name; ``here`` are runs that were here already.

    ``left_out`` are sentences on what was damaged, ``notes`` on what the backup does not have.
    """

    runs: tuple[str, ...]
    here: tuple[str, ...]
    datasets: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def restore(
    settings: Settings,
    path: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> RestoreReport:
    """Restore a backup into a home; runs that are here already stay as they are.

    All of its runs and data sets come in, or none. A run that was training is *interrupted*, and
    one that waited *stopped*, so that none begins by itself. ``report`` is called with the bytes
    read and those in all. Raises ``ArchiveDamaged``, ``UnknownFormat``, ``ImportRefused`` if
    another data set has the name of one in the backup, and ``StorageFull``.
    """
    store = RunStore(settings)
    with (
        _described_as_backup(),
        storage_errors(settings.home),
        unreadable_as_damaged("it is not a .zip file, or is incomplete"),
        zipfile.ZipFile(path) as file,
        temporary_folder(settings.home) as folder,
    ):
        _check_members(file)
        check_free_space(settings.home, sum(entry.file_size for entry in file.infolist()))
        _extract(file, folder, report)
        index = _read_index(folder)
        with index.connect() as source, store.database.connect() as target:
            owners = owners_here(source, target)
        left_out: list[str] = []
        notes: list[str] = []
        # Data sets are removed again if the runs cannot be stored.
        with ExitStack() as undo:
            datasets = tuple(
                name
                for name in sorted(item.name for item in (folder / "data").glob("*"))
                if _restore_dataset(settings, folder / "data" / name, owners, left_out, notes, undo)
            )
            runs, here = _restore_runs(store, index, folder / "runs", left_out)
    return RestoreReport(runs, here, datasets, tuple(left_out), tuple(notes))


@contextmanager
def _described_as_backup() -> Iterator[None]:
    """Replace the sentence of ``ArchiveDamaged``, which is on packed runs."""
    try:
        yield
    except ArchiveDamaged as error:
        raise ArchiveDamaged(
            "This is not a backup made by cifarviz, or not all of it: {reason}. Nothing was "
            "restored; make the backup again. A packed run is added by “import”.",
            reason=error,
        ) from error


def _damaged(reason: str) -> ArchiveDamaged:
    return ArchiveDamaged("{reason}", reason=reason)


# The file


def _check_members(file: zipfile.ZipFile) -> None:
    entries = file.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > _MAX_FILES or len(names) < len(entries):
        raise _damaged("it has too many files, or a file twice")
    if not names >= {MANIFEST, INDEX}:
        raise _damaged(f"“{MANIFEST}” or “{INDEX}” is missing")
    for entry in entries:
        if not _is_member(entry.filename):
            raise _damaged(f"a backup has no file “{entry.filename[:60]}”")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise _damaged(f"“{entry.filename}” is compressed, which no file of a backup is")
    if file.getinfo(MANIFEST).file_size > _MAX_MANIFEST_BYTES:
        raise _damaged(f"“{MANIFEST}” is too large")
    manifest = json.loads(file.read(MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("cifarviz") != "backup":
        raise _damaged(f"“{MANIFEST}” does not describe a backup")
    if manifest.get("format") != FORMAT:
        raise UnknownFormat(
            "This backup was made by another version of cifarviz (format {format}; this version "
            "reads {known}). Restore it with that version.",
            format=repr(manifest.get("format"))[:20],
            known=FORMAT,
        )


def _is_member(name: str) -> bool:
    if name in (MANIFEST, INDEX):
        return True
    if match := _RUN_FILE.fullmatch(name):
        return is_run_file(match[2])
    match = _DATA_FILE.fullmatch(name)
    return match is not None and match[2] in _DATA_NAMES


def _extract(file: zipfile.ZipFile, folder: Path, report: Callable[[int, int], None]) -> None:
    """Unpack all files; each is compared with its checksum."""
    done, total = 0, sum(entry.file_size for entry in file.infolist())
    for entry in file.infolist():
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open(entry) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, _BLOCK)
        done += entry.file_size
        report(done, total)


def _read_index(folder: Path) -> Database:
    """Return an index of our own with the rows of a stranger's; raises ``ArchiveDamaged``."""
    path = folder / INDEX
    version = index_version(path)
    if version is not None and version > SCHEMA_VERSION:
        raise UnknownFormat(
            "This backup was made by a later version of cifarviz (runs of format {version}; this "
            "one reads formats up to {newest}). Restore it with that version.",
            version=version,
            newest=SCHEMA_VERSION,
        )
    try:
        problem = _find_index_problem(path)
        index = Database(folder / "index" / INDEX)
        if problem is None and all(
            table.complete for table in salvage(path, index, tables=TABLES).values()
        ):
            return index
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        problem = str(error)
    raise _damaged(f"its list of runs is damaged ({problem or 'not all rows can be read'})")


def _find_index_problem(path: Path) -> str | None:
    """Return what is wrong with an index whose rows are to be read; ``None`` if they can be.

    Raises ``sqlite3.DatabaseError``.
    """
    if (damage := find_index_damage(path)) is not None:
        return damage
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master"):
            if kind not in ("table", "index"):
                return f"it has a {kind}"
            if kind == "table" and not str(sql).startswith("CREATE TABLE"):
                return f"{name} is no table"
        for table in TABLES:
            # Generated columns are computed when they are read.
            if any(row[6] for row in connection.execute(f"PRAGMA table_xinfo({table})")):
                return f"{table} has computed columns"
    return None


# Data sets


def _restore_dataset(
    settings: Settings,
    folder: Path,
    owners: Mapping[str | None, str | None],
    left_out: list[str],
    notes: list[str],
    undo: ExitStack,
) -> bool:
    """Store a data set unless it is here; returns whether it was stored.

    An exception in ``undo`` removes it again.
    """
    info = _described(folder)
    arrays = [folder / f"{name}.npy" for name in ARRAY_NAMES]
    has_arrays = all(path.exists() for path in arrays)
    if not (has_arrays or info.own):
        raise _damaged(f"files of the data set “{info.name}” are missing")
    settings.locks.mkdir(parents=True, exist_ok=True)
    undo.enter_context(library.fetch_lock(info, settings))
    if info.own and _is_here(info, settings, has_arrays=has_arrays):
        return False
    if not info.own and library.status(info, settings).full_available:
        return False
    new = folder.with_name(f"{folder.name}.new")
    new.mkdir()
    if info.own:
        _move_description(folder, new, owners.get(info.owner))
    if has_arrays:
        for path in arrays:
            shutil.move(path, new)
        try:
            check_arrays(cache.read_arrays(new), info, info.name, ProgressReporter())
        except (DatasetDamaged, DatasetNotFound) as error:
            left_out.append(f"The pictures of {info.title} were left out: {error}")
            for path in arrays:
                (new / path.name).unlink()
            if not info.own or (settings.datasets / info.name).exists():
                return False
        else:
            marks = info.fingerprints or cache.read_fingerprints(folder)
            if marks is None:
                raise _damaged(f"the data set “{info.name}” has no fingerprints")
            cache.write_marker(new, info.name, "a backup", marks)
    elif any(path.exists() for path in arrays):
        left_out.append(f"The pictures of {info.title} were left out: some of them are missing.")
    else:
        notes.append(f"The pictures of {info.title} had been deleted; its runs are here.")
    settings.datasets.mkdir(parents=True, exist_ok=True)
    undo.enter_context(placed_folder(new, info, settings))
    return True


def _move_description(folder: Path, new: Path, owner: str | None) -> None:
    """Write the description of a data set with another owner; it may have any further values."""
    content = {**own.read_description(folder), "owner": owner}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (new / own.DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")


def _described(folder: Path) -> DatasetInfo:
    built_in = {info.name: info for info in built_in_datasets()}
    if folder.name in built_in:
        return built_in[folder.name]
    path = folder / own.DESCRIPTION
    if not own.is_valid_name(folder.name) or not path.exists():
        raise _damaged(f"the data set “{folder.name}” has no description")
    if path.stat().st_size > _MAX_DESCRIPTION_BYTES:
        raise _damaged(f"the description of the data set “{folder.name}” is too large")
    return parse_dataset(path.read_bytes(), folder.name)


def _is_here(info: DatasetInfo, settings: Settings, *, has_arrays: bool) -> bool:
    own.forget()
    equals = [other.name for other in find_equals(info, settings.datasets)]
    if info.name not in equals and (settings.datasets / info.name).exists():
        raise ImportRefused(
            "Another data set is called “{name}” here, so the backup cannot be restored into this "
            "home. Set CIFARVIZ_HOME to another folder, and restore it there.",
            name=info.name,
        )
    complete = library.status(info, settings).full_available
    return info.name in equals and (complete or not has_arrays)


# Runs


def _restore_runs(
    store: RunStore, index: Database, files: Path, left_out: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Store the runs that are not here, in one transaction; returns their ids and the others'."""
    with index.connect() as source:
        rows = source.execute(SELECT_RUNS + "ORDER BY created, id").fetchall()
        here, ready = [], []
        for run in map(as_run, rows):
            if _is_here_already(store, run.id):
                here.append(run.id)
                continue
            try:
                facts = _checked_facts(source, run)
            except CifarvizError as error:
                left_out.append(f"“{run.name}” ({run.id}) was left out: {run.damage or error}")
                continue
            _drop_invalid_files(files / run.id, run, facts, left_out)
            ready.append(facts)
        ids = tuple(facts.columns["id"] for facts in ready)
        with ExitStack() as undo:
            with store.database.connect(write=True) as target:
                people = restore_people(source, target)
                for facts in ready:
                    facts.columns["owner"] = people.get(facts.columns["owner"])
                    _insert(source, target, store, files, facts, undo)
                restore_series(source, target, people, left_out)
                restore_preferences(source, target)
                restore_guesses(source, target, people, left_out)
                for run_id in ids:
                    store.save_run_json(target, run_id)
            undo.pop_all()
    return ids, tuple(here)


def _is_here_already(store: RunStore, run_id: str) -> bool:
    with store.database.connect() as connection:
        listed = connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone()
    return listed is not None or store.folder(run_id).exists()


def _checked_facts(source: sqlite3.Connection, run: Run) -> ImportedFacts:
    """Check the record of a run as that of a packed one, and have it wait for a person."""
    history = fetch_epochs(source, [run.id])[run.id]
    facts: dict[str, Any] = run_facts(run, history)
    facts |= {"origin": run.origin, "starred": run.starred, "attempt": run.attempt}
    facts |= {"owner": run.owner, "shown": run.shown, "gives_way": run.gives_way}
    checked = check_folder_facts(parse_facts(json.dumps(facts).encode()))
    columns = checked.columns
    if run.state.active:
        began = run.state is not RunState.QUEUED
        heard = time.time() if run.progress is None else min(run.progress.heartbeat, time.time())
        start = run.created if run.started is None else run.started + run.seconds
        columns = columns | {
            "state": RunState.INTERRUPTED if began else RunState.STOPPED,
            "message": _INTERRUPTED if began else _STOPPED,
            "ended": max(heard, start),
            "attempt": run.attempt + 1,
        }
        columns["heartbeat"] = None if columns["step"] is None else columns["ended"]
    return checked._replace(columns=columns)


def _drop_invalid_files(folder: Path, run: Run, facts: ImportedFacts, left_out: list[str]) -> None:
    """Remove unpacked files that do not fit the run, and note it."""
    for path in sorted(folder.rglob("*.npz")):
        name = path.relative_to(folder).as_posix()
        problem = _find_file_problem(path, name, facts, run.epochs_done)
        if problem is not None:
            path.unlink()
            left_out.append(f"{name} of “{run.name}” ({run.id}) was left out: {problem}.")


def _find_file_problem(path: Path, name: str, facts: ImportedFacts, done: int) -> str | None:
    try:
        position: Mapping[str, Any] = check_file(path, name, facts.limits)
    except RunFileInvalid as error:
        return str(error)
    if max(position.get("epochs_done", 0), position.get("epoch", 0)) > done:
        return "it is ahead of the run's history"
    return None


def _insert(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    store: RunStore,
    files: Path,
    facts: ImportedFacts,
    undo: ExitStack,
) -> None:
    run_id = facts.columns["id"]
    insert_run(target, **facts.columns)
    target.executemany(
        "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(run_id, *epoch) for epoch in facts.epochs],
    )
    # As they are: a resumed run deletes the groups after its checkpoint.
    target.executemany(
        "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
        source.execute(
            "SELECT run, first_step, count, loss, accuracy FROM batches WHERE run = ? "  # noqa: S608 - constants only
            f"AND first_step + count - 1 <= ? AND NOT {BAD_BATCHES}",
            (run_id, facts.limits.steps),
        ),
    )
    folder = store.folder(run_id)
    if (files / run_id).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        (files / run_id).rename(folder)
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
