"""A run as one ``.zip``: packed here, unpacked into another home.

==========================  =====================================================================
``run.json``                the experiment, what is known of the run, and its epochs
``batches.npz``             each training step's own loss and accuracy
``files/…``                 its checkpoints, snapshots and answers, under the names they have here
==========================  =====================================================================

Whoever hands such a file over may be anybody. So names are checked against those there are, sizes
before anything is read, arrays are read without unpickling, the experiment checks itself, and no
Keras file is ever loaded.
"""

import errno
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from cifarviz.errors import CifarvizError, RunError
from cifarviz.runs.archive_facts import (
    MOST_JSON,
    ImportedFacts,
    damaged,
    facts_from,
    facts_of,
    parse_facts,
)
from cifarviz.runs.archive_files import (
    BATCHES,
    NotOfThisRun,
    check_file,
    is_run_file,
    is_weights_file,
    most_bytes,
    read_batches,
)
from cifarviz.runs.artifacts import UNREADABLE, as_bytes, load_arrays, save_arrays
from cifarviz.runs.records import BatchPoints, Run
from cifarviz.runs.rows import fetch_run, insert_batches, insert_run
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.storage import atomically, storage_errors, temporary_folder

IMPORTED = "imported"
"""The ``origin`` of a run that somebody brought from another home."""

_MOST_FILES = 20_000
_MOST_BYTES = 4_000_000_000
_BLOCK = 1 << 20
_BATCHES_A_ROW = 10_000


def pack(
    store: RunStore,
    run_id: str,
    path: Path,
    *,
    keep: Callable[[str], bool] = lambda name: True,
    half: bool = False,
) -> None:
    """Write a run that is over to ``path``, which is replaced only when all is written.

    ``keep`` says which of its files go in, by names such as ``"snapshots/maps-0004.npz"``. With
    ``half``, weights are rounded to float16 and what only training needs is left out.
    Raises ``RunNotFound``, ``RunError`` for an active run, ``ArtifactDamaged`` and ``StorageFull``.
    """
    run = store.get(run_id)
    if run.state.active:
        raise RunError(
            "“{run_name}” is {state}: stop it, or let it finish, and pack it then.",
            run_name=run.name,
            state=run.state,
        )
    folder = store.folder(run_id)
    with (
        storage_errors(path.parent),
        atomically(path) as temporary,
        # As small as it gets for what is kept in the repository, quickly for a person who waits.
        zipfile.ZipFile(
            temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9 if half else 4
        ) as file,
    ):
        facts = facts_of(run, store.epochs(run_id))
        file.writestr("run.json", json.dumps(facts, indent=1))
        batches = store.batch_points(run_id)
        file.writestr("batches.npz", as_bytes({name: getattr(batches, name) for name in BATCHES}))
        for name in sorted(_names_in(folder)):
            if not keep(name):
                continue
            if half and is_weights_file(name):
                file.writestr(f"files/{name}", _halved(folder / name))
            else:
                file.write(folder / name, f"files/{name}")


def unpack(store: RunStore, path: Path | IO[bytes], *, origin: str) -> Run:
    """Enter the run that ``pack`` wrote, under its own id if that is free here.

    Nothing is left of it when it cannot be read, or is not what a run can be: raises
    ``ArchiveDamaged``, ``UnknownFormat``, ``ExperimentInvalid`` and ``StorageFull``. Beside the
    facts it takes 16 bytes of memory a training step, or 6 a parameter where weights are halved.
    """
    with _readable("it is no .zip file, or was cut off"):
        file = zipfile.ZipFile(path)
    with file:
        return _unpack(store, file, origin)


@contextmanager
def _readable(otherwise: str) -> Iterator[None]:
    """Turn what hostile or broken bytes make their readers raise into ``ArchiveDamaged``.

    What the system says of its files is left as it is: a disk that is full damages no archive.
    """
    try:
        yield
    except CifarvizError:
        raise
    except (*UNREADABLE, MemoryError) as error:
        # Without a number it comes from a decompressor; EINVAL is a place before a file's start.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise damaged(otherwise) from error


def _unpack(store: RunStore, file: zipfile.ZipFile, origin: str) -> Run:
    members = _checked_members(file)
    with _readable("“run.json” cannot be read"):
        facts = facts_from(_facts(file), origin)
    _check_sizes(members, facts)
    runs = store.settings.runs
    # Where nobody else writes: who looks at the runs meanwhile sees nothing of it.
    with storage_errors(runs), temporary_folder(runs) as coming:
        batches = None
        for entry in members:
            name = entry.filename.removeprefix("files/")
            if entry.filename == "batches.npz":
                _copy(file, entry, coming / name)
                with _reasons(entry.filename):
                    batches = read_batches(coming / name, facts.limits, facts.columns["step"])
            elif entry.filename != "run.json":
                _copy(file, entry, coming / "files" / name)
                _check(coming / "files" / name, name, facts)
        return _enter(store, facts, batches, coming / "files")


def _enter(store: RunStore, facts: ImportedFacts, batches: BatchPoints | None, files: Path) -> Run:
    """Make a run of what has come, with its ``files``: all of it or nothing."""
    moved = None
    try:
        with store.database.connect(write=True) as connection:
            # Nobody else enters a run during this transaction, so a free id stays free.
            run_id = facts.columns["id"]
            while _is_taken(connection, store, run_id):
                run_id = new_run_id()
            insert_run(connection, **(facts.columns | {"id": run_id}))
            connection.executemany(
                "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(run_id, *epoch) for epoch in facts.epochs],
            )
            for part in _parts(batches):
                insert_batches(connection, run_id, part)
            if files.exists():
                moved = files.rename(store.folder(run_id))
            store.save_run_json(connection, run_id)
            return fetch_run(connection, run_id)
    except BaseException:
        if moved is not None:
            shutil.rmtree(moved, ignore_errors=True)
        raise


def _is_taken(connection: sqlite3.Connection, store: RunStore, run_id: str) -> bool:
    listed = connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone()
    return listed is not None or store.folder(run_id).exists()


def _checked_members(file: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = file.infolist()
    if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise damaged("it holds more than any run does")
    for entry in entries:
        name = entry.filename
        inside = name.removeprefix("files/") if name.startswith("files/") else ""
        if name not in ("run.json", "batches.npz") and not is_run_file(inside):
            raise damaged(f"a run has no file “{name[:60]}”")
        # Others may unpack a little to very much at once.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged(f"“{name}” is compressed in a way that cifarviz does not use")
    names = {entry.filename for entry in entries}
    if len(names) < len(entries) or "run.json" not in names:
        raise damaged("“run.json” is missing, or a file is there twice")
    return entries


def _check_sizes(members: Iterable[zipfile.ZipInfo], facts: ImportedFacts) -> None:
    """Before anything is unpacked: each file can only be as large as the experiment makes it."""
    for entry in members:
        most = most_bytes(entry.filename.removeprefix("files/"), facts.limits)
        if entry.filename == "batches.npz":
            steps = facts.limits.steps
            most = 16 * steps + _BLOCK
        if most is not None and entry.file_size > most:
            raise damaged(
                f"“{entry.filename}” unpacks to {entry.file_size:,} bytes, and such a file of this "
                f"experiment has at most {most:,}"
            )


def _facts(file: zipfile.ZipFile) -> dict[str, Any]:
    if file.getinfo("run.json").file_size > MOST_JSON:
        raise damaged("“run.json” is too large")
    with _readable("“run.json” cannot be read"), file.open("run.json") as member:
        return parse_facts(member.read(MOST_JSON))


def _parts(batches: BatchPoints | None) -> Iterable[BatchPoints]:
    for start in range(0, 0 if batches is None else len(batches), _BATCHES_A_ROW):
        part = slice(start, start + _BATCHES_A_ROW)
        assert batches is not None
        yield BatchPoints(batches.steps[part], batches.loss[part], batches.accuracy[part])


def _copy(file: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    """Unpack a member, and no more of it than it says it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        _readable(f"“{entry.filename}” cannot be read"),
        file.open(entry) as source,
        path.open("wb") as target,
    ):
        # A block at a time, of which no more is unpacked than is read.
        shutil.copyfileobj(source, target, _BLOCK)


def _check(path: Path, name: str, facts: ImportedFacts) -> None:
    """Hold a file to its name; weights that were halved are float32 again."""
    with _reasons(f"files/{name}"):
        found = check_file(path, name, facts.limits)
    if found.pop("half", False) is True:
        arrays, _facts_with_half = load_arrays(path)
        whole = {
            key: value.astype(np.float32) if value.dtype == np.float16 else value
            for key, value in arrays.items()
        }
        save_arrays(path, whole, found, durable=False)


@contextmanager
def _reasons(name: str) -> Iterator[None]:
    try:
        yield
    except NotOfThisRun as error:
        raise damaged(f"“{name}” is not what it says ({error})") from error


def _halved(path: Path) -> bytes:
    arrays, facts = load_arrays(path)
    kept = {name: value for name, value in arrays.items() if name.startswith("model/")}
    halved = {
        name: value.astype(np.float16) if value.dtype == np.float32 else value
        for name, value in kept.items()
    }
    return as_bytes(halved, {**facts, "half": True})


def _names_in(folder: Path) -> list[str]:
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*.npz"))
    return [name for name in paths if is_run_file(name)]
