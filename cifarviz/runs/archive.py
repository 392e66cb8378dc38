"""Pack a run as one ``.zip``, and unpack it into another home.

==========================  =====================================================================
``run.json``                the experiment, the run's record, and its epochs
``batches.npz``             loss and accuracy of each training step
``files/…``                 checkpoints, snapshots and predictions, named as in the run's folder
``dataset.json``, ``data``  of an imported data set: ``archive_dataset.py``
==========================  =====================================================================

The source of such a file is not trusted: names are checked against those a run can have, and sizes
before anything is read; arrays are read without unpickling; the experiment is validated; Keras
files are never loaded.
"""

import errno
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from cifarviz.datasets.own import known_while_read
from cifarviz.errors import CifarvizError, RunError
from cifarviz.people.person import current_person, require_change, require_maker
from cifarviz.runs.archive_dataset import (
    ARRAYS,
    DESCRIPTION,
    PackedDataset,
    own_dataset,
    read_dataset,
    write_dataset,
)
from cifarviz.runs.archive_facts import (
    MAX_JSON_BYTES,
    ImportedFacts,
    archive_damaged,
    check_packed_facts,
    parse_facts,
    run_facts,
)
from cifarviz.runs.archive_files import (
    BATCHES,
    RunFileInvalid,
    check_file,
    is_maps_file,
    is_run_file,
    is_weights_file,
    max_bytes,
    read_batches,
)
from cifarviz.runs.artifacts import UNREADABLE, arrays_to_bytes, load_arrays, save_arrays
from cifarviz.runs.database_rows import fetch_run, insert_batches, insert_run
from cifarviz.runs.limits import check_disk_limit
from cifarviz.runs.records import BatchPoints, Run
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.storage import atomic_write, storage_errors, temporary_folder

IMPORTED = "imported"
"""The ``origin`` of a run that was imported from another home."""

_MAX_FILES = 20_000
_MAX_BYTES = 4_000_000_000
_BLOCK = 1 << 20
_MEMBERS = {"run.json", "batches.npz", DESCRIPTION, *ARRAYS}
_BATCHES_PER_ROW = 10_000


def pack(
    store: RunStore,
    run_id: str,
    path: Path,
    *,
    keep: Callable[[str], bool] = lambda name: True,
    half: bool = False,
    with_pictures: bool = False,
) -> None:
    """Write a run that has ended to ``path``, atomically.

    ``keep`` selects its files by names such as ``"snapshots/maps-0004.npz"``. With ``half``,
    weights are rounded to float16 and the optimizer's state is left out. Of a data set that was
    imported the description is packed; its images, and feature maps of them, only
    ``with_pictures``.

    Raises ``RunNotFound``, ``AccessRefused`` for another person's run, ``RunError`` for an active
    one, ``ArtifactDamaged`` and ``StorageFull``; with pictures also ``DatasetNotFound`` and
    ``DatasetDamaged``.
    """
    run = store.get(run_id)
    require_change(run.owner, run.name)
    if run.state.active:
        raise RunError(
            "“{run_name}” is {state}. Stop it or let it finish before you pack it.",
            run_name=run.name,
            state=run.state,
        )
    folder = store.folder(run_id)
    dataset = own_dataset(run.experiment)
    with (
        storage_errors(path.parent),
        atomic_write(path) as temporary,
        # A small file for the repository, a fast download for the user.
        zipfile.ZipFile(
            temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9 if half else 4
        ) as file,
    ):
        facts = run_facts(run, store.epochs(run_id))
        file.writestr("run.json", json.dumps(facts, indent=1))
        batches = store.batch_points(run_id)
        file.writestr(
            "batches.npz", arrays_to_bytes({name: getattr(batches, name) for name in BATCHES})
        )
        for name in sorted(run_file_names(folder)):
            if not keep(name) or (dataset and is_maps_file(name) and not with_pictures):
                continue
            if half and is_weights_file(name):
                file.writestr(f"files/{name}", _to_float16(folder / name))
            else:
                file.write(folder / name, f"files/{name}")
        if dataset is not None:
            write_dataset(file, dataset, store.settings, with_pictures=with_pictures)


def unpack(
    store: RunStore,
    path: Path | IO[bytes],
    *,
    origin: str,
    report: Callable[[int, int], None] = lambda done, total: None,
    notify: Callable[[str], object] = lambda notice: None,
) -> Run:
    """Import the run that ``pack`` wrote, under its own id if that is free here.

    ``report`` is called after each file with the bytes unpacked and checked, and those in all;
    ``notify`` once with sentences on its data set, if that was imported where it was packed.

    It belongs to the current person. Raises ``AccessRefused`` for a viewer, ``ArchiveDamaged``,
    ``UnknownFormat``, ``ExperimentInvalid`` and ``StorageFull``, and leaves nothing behind then.
    Takes 16 bytes of memory a training step, or 6 a parameter where weights are float16.
    """
    require_maker()
    with unreadable_as_damaged("it is not a .zip file, or is incomplete"):
        file = zipfile.ZipFile(path)
    with file:
        return _unpack(store, file, origin, report, notify)


@contextmanager
def unreadable_as_damaged(reason: str, **values: object) -> Iterator[None]:
    """Turn errors that corrupt or hostile bytes cause into ``ArchiveDamaged``.

    System errors are passed on: a full disk does not mean that the archive is damaged.
    """
    try:
        yield
    except CifarvizError:
        raise
    except (*UNREADABLE, MemoryError) as error:
        # Decompressors raise OSError without errno; EINVAL means seeking before a file's start.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise archive_damaged(reason, **values) from error


def _unpack(
    store: RunStore,
    file: zipfile.ZipFile,
    origin: str,
    report: Callable[[int, int], None],
    notify: Callable[[str], object],
) -> Run:
    members = _checked_members(file)
    with unreadable_as_damaged("“run.json” cannot be read"):
        content = _load_facts(file)
    with unreadable_as_damaged("“{member}” cannot be read", member=DESCRIPTION):
        dataset = read_dataset(file, content, store.settings)
    with known_while_read(None if dataset is None else dataset.info):
        with unreadable_as_damaged("“run.json” cannot be read"):
            facts = check_packed_facts(content, origin)
        run = _unpack_files(store, file, members, facts, dataset, report)
    if dataset is not None:
        notify(dataset.notice())
    return run


def _unpack_files(
    store: RunStore,
    file: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    facts: ImportedFacts,
    dataset: PackedDataset | None,
    report: Callable[[int, int], None],
) -> Run:
    _check_sizes(members, facts, dataset)
    check_disk_limit(store, sum(entry.file_size for entry in members))
    runs = store.settings.runs
    # Other processes do not see the run until its folder is complete.
    with ExitStack() as stack:
        stack.enter_context(storage_errors(runs))
        unpacked = stack.enter_context(temporary_folder(runs))
        batches = None
        done, total = 0, sum(entry.file_size for entry in members)
        for entry in members:
            name = entry.filename.removeprefix("files/")
            if entry.filename == "batches.npz":
                _extract(file, entry, unpacked / name)
                with _invalid_as_damaged(entry.filename):
                    batches = read_batches(unpacked / name, facts.limits, facts.columns["step"])
            elif entry.filename in ARRAYS:
                if dataset is not None and dataset.stores_images:
                    _extract(file, entry, unpacked / name)
            elif entry.filename not in ("run.json", DESCRIPTION):
                _extract(file, entry, unpacked / "files" / name)
                _check_member(unpacked / "files" / name, name, facts)
            done += entry.file_size
            report(done, total)
        if dataset is not None:
            stack.enter_context(dataset.stored(store.settings, unpacked / "data"))
        return _insert(store, facts, batches, unpacked / "files")


def _insert(store: RunStore, facts: ImportedFacts, batches: BatchPoints | None, files: Path) -> Run:
    """Insert the run and its ``files``, atomically."""
    moved = None
    try:
        with store.database.connect(write=True) as connection:
            # No other process inserts a run during this transaction, so a free id stays free.
            run_id = facts.columns["id"]
            while _is_taken(connection, store, run_id):
                run_id = new_run_id()
            insert_run(connection, **(facts.columns | {"id": run_id} | _ownership(facts)))
            connection.executemany(
                "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(run_id, *epoch) for epoch in facts.epochs],
            )
            for part in _split_batches(batches):
                insert_batches(connection, run_id, part)
            if files.exists():
                moved = files.rename(store.folder(run_id))
            store.save_run_json(connection, run_id)
            return fetch_run(connection, run_id)
    except BaseException:
        if moved is not None:
            shutil.rmtree(moved, ignore_errors=True)
        raise


def _ownership(facts: ImportedFacts) -> dict[str, object]:
    """Return the owner: who imports it; all in a class see recorded runs."""
    return {"owner": current_person().owner, "shown": int(facts.columns["origin"] == "recorded")}


def _is_taken(connection: sqlite3.Connection, store: RunStore, run_id: str) -> bool:
    listed = connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone()
    return listed is not None or store.folder(run_id).exists()


def _checked_members(file: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = file.infolist()
    if len(entries) > _MAX_FILES or sum(entry.file_size for entry in entries) > _MAX_BYTES:
        raise archive_damaged("it is larger than any run")
    for entry in entries:
        name = entry.filename
        inside = name.removeprefix("files/") if name.startswith("files/") else ""
        if not (name in _MEMBERS or is_run_file(inside)):
            raise archive_damaged("a run has no file “{member}”", member=name[:60])
        # Other methods may unpack a few bytes into very many at once.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise archive_damaged(
                "“{member}” is compressed in a way that cifarviz does not use", member=name
            )
    names = {entry.filename for entry in entries}
    if len(names) < len(entries) or "run.json" not in names:
        raise archive_damaged("“run.json” is missing, or a file occurs twice")
    return entries


def _check_sizes(
    members: Iterable[zipfile.ZipInfo], facts: ImportedFacts, dataset: PackedDataset | None
) -> None:
    """Check, before anything is unpacked, that no file is larger than the experiment allows."""
    for entry in members:
        most = max_bytes(entry.filename.removeprefix("files/"), facts.limits)
        if entry.filename == "batches.npz":
            steps = facts.limits.steps
            most = 16 * steps + _BLOCK
        elif dataset is not None and entry.filename in (DESCRIPTION, *ARRAYS):
            most = dataset.max_bytes(entry.filename)
        if most is not None and entry.file_size > most:
            raise archive_damaged(
                "“{member}” unpacks to {size:,} bytes, but can have at most {most:,} in this "
                "experiment",
                member=entry.filename,
                size=entry.file_size,
                most=most,
            )


def _load_facts(file: zipfile.ZipFile) -> dict[str, Any]:
    if file.getinfo("run.json").file_size > MAX_JSON_BYTES:
        raise archive_damaged("“run.json” is too large")
    with unreadable_as_damaged("“run.json” cannot be read"), file.open("run.json") as member:
        return parse_facts(member.read(MAX_JSON_BYTES))


def _split_batches(batches: BatchPoints | None) -> Iterable[BatchPoints]:
    for start in range(0, 0 if batches is None else len(batches), _BATCHES_PER_ROW):
        part = slice(start, start + _BATCHES_PER_ROW)
        assert batches is not None
        yield BatchPoints(batches.steps[part], batches.loss[part], batches.accuracy[part])


def _extract(file: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    """Unpack a member, up to the size in its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        unreadable_as_damaged("“{member}” cannot be read", member=entry.filename),
        file.open(entry) as source,
        path.open("wb") as target,
    ):
        # In blocks, to limit memory.
        shutil.copyfileobj(source, target, _BLOCK)


def _check_member(path: Path, name: str, facts: ImportedFacts) -> None:
    """Check a file against its name, and convert float16 weights to float32."""
    with _invalid_as_damaged(f"files/{name}"):
        file_facts = check_file(path, name, facts.limits)
    if file_facts.pop("half", False) is True:
        arrays, _ = load_arrays(path)
        arrays = {
            key: value.astype(np.float32) if value.dtype == np.float16 else value
            for key, value in arrays.items()
        }
        save_arrays(path, arrays, file_facts, durable=False)


@contextmanager
def _invalid_as_damaged(name: str) -> Iterator[None]:
    """Turn ``RunFileInvalid`` of the member ``name`` into ``ArchiveDamaged``."""
    try:
        yield
    except RunFileInvalid as error:
        raise archive_damaged(
            "“{member}” is invalid: {problem}", member=name, problem=error, **error.values
        ) from error


def _to_float16(path: Path) -> bytes:
    arrays, facts = load_arrays(path)
    rounded = {
        name: value.astype(np.float16) if value.dtype == np.float32 else value
        for name, value in arrays.items()
        if name.startswith("model/")
    }
    return arrays_to_bytes(rounded, {**facts, "half": True})


def run_file_names(folder: Path) -> list[str]:
    """Return the names of a run's files, relative to its folder."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*.npz"))
    return [name for name in paths if is_run_file(name)]
