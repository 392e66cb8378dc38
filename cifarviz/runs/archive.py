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
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cifarviz.errors import ArtifactDamaged, CifarvizError, RunError, UnknownFormat
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.archive_facts import damaged, facts_from, facts_of
from cifarviz.runs.artifacts import UNREADABLE, as_bytes, load_arrays, save_arrays
from cifarviz.runs.records import BatchPoints, Run
from cifarviz.runs.rows import fetch_run, insert_batches, insert_run
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.storage import atomically, storage_errors

FORMAT = 2
"""Format 1 does not say how losses were computed, and its files hold probabilities."""
_FORMATS = (1, FORMAT)

IMPORTED = "imported"
"""The ``origin`` of a run that somebody brought from another home."""

_NAME = re.compile(
    r"checkpoint-(last|best|start)\.npz|test-probabilities-(last|best|epoch-\d{4,6})\.npz"
    r"|snapshots/(weights|maps|answers|memory)-\d{4,6}\.npz"
)
_WEIGHTS = re.compile(r"checkpoint-(last|best|start)\.npz|snapshots/weights-\d{4,6}\.npz")
_MOST_FILES = 20_000
_MOST_JSON = 32_000_000
_MOST_BYTES = 4_000_000_000
_BATCHES_A_ROW = 10_000
_BATCHES = ("steps", "loss", "accuracy")


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
        raise RunError(f"“{run.name}” is {run.state}: stop it, or let it finish, and pack it then.")
    folder = store.folder(run_id)
    with (
        storage_errors(path.parent),
        atomically(path) as temporary,
        # As small as it gets for what is kept in the repository, quickly for a person who waits.
        zipfile.ZipFile(
            temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9 if half else 4
        ) as file,
    ):
        facts = facts_of(run, store.epochs(run_id)) | {"cifarviz": "run", "format": FORMAT}
        file.writestr("run.json", json.dumps(facts, indent=1))
        batches = store.batch_points(run_id)
        file.writestr("batches.npz", as_bytes({name: getattr(batches, name) for name in _BATCHES}))
        for name in sorted(_names_in(folder)):
            if not keep(name):
                continue
            if half and _WEIGHTS.fullmatch(name):
                file.writestr(f"files/{name}", _halved(folder / name))
            else:
                file.write(folder / name, f"files/{name}")


def unpack(store: RunStore, path: Path | io.BytesIO, *, origin: str) -> Run:
    """Enter the run that ``pack`` wrote, under its own id if that is free here.

    Nothing is left of it when it cannot be read: raises ``ArchiveDamaged``, ``UnknownFormat``,
    ``ExperimentInvalid`` and ``StorageFull``.
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
    columns, epochs = facts_from(_facts(file), origin)
    experiment = Experiment.from_json(columns["experiment"])
    columns["experiment"] = experiment.to_json()
    batches = _batches(file) if "batches.npz" in members else None
    run_id = columns["id"]
    if any(run.id == run_id for run in store.all()) or store.folder(run_id).exists():
        run_id = columns["id"] = new_run_id()
    # Beside its place until it is whole: who looks at the runs meanwhile sees nothing of it.
    coming = store.folder(f".{run_id}.part")
    try:
        with storage_errors(store.settings.runs):
            for name in members:
                if name.startswith("files/"):
                    _write(file, name, coming / name.removeprefix("files/"))
            if coming.exists():
                coming.rename(store.folder(run_id))
        with store.database.connect(write=True) as connection:
            insert_run(connection, **columns, monitor=experiment.monitor)
            connection.executemany(
                "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(run_id, *epoch) for epoch in epochs],
            )
            for part in _parts(batches):
                insert_batches(connection, run_id, part)
            return fetch_run(connection, run_id)
    except BaseException:
        shutil.rmtree(coming, ignore_errors=True)
        shutil.rmtree(store.folder(run_id), ignore_errors=True)
        raise


def _checked_members(file: zipfile.ZipFile) -> list[str]:
    entries = file.infolist()
    if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise damaged("it holds more than any run does")
    names = [entry.filename for entry in entries]
    for name in names:
        inside = name.removeprefix("files/") if name.startswith("files/") else ""
        if name not in ("run.json", "batches.npz") and not _NAME.fullmatch(inside):
            raise damaged(f"a run has no file “{name[:60]}”")
    if len(set(names)) < len(names) or "run.json" not in names:
        raise damaged("“run.json” is missing, or a file is there twice")
    return names


def _facts(file: zipfile.ZipFile) -> dict[str, Any]:
    if file.getinfo("run.json").file_size > _MOST_JSON:
        raise damaged("“run.json” is too large")
    with _readable("“run.json” cannot be read"):
        content = file.read("run.json")
    with _readable("“run.json” is not JSON"):
        facts = json.loads(content)
    if not isinstance(facts, dict) or facts.get("cifarviz") != "run":
        raise damaged("“run.json” does not describe a run")
    if facts.get("format") not in _FORMATS:
        raise UnknownFormat(
            f"This run was packed by another version of cifarviz (format {facts.get('format')!r}; "
            f"this one reads 1 and {FORMAT}). Unpack it with that version."
        )
    return facts


def _batches(file: zipfile.ZipFile) -> BatchPoints:
    with (
        _readable("“batches.npz” cannot be read"),
        np.load(io.BytesIO(file.read("batches.npz")), allow_pickle=False) as stored,
    ):
        steps, loss, accuracy = (stored[name] for name in _BATCHES)
        # Anything but numbers is refused here.
        loss, accuracy = loss.astype(np.float32), accuracy.astype(np.float32)
    whole = steps.ndim == 1 and steps.shape == loss.shape == accuracy.shape
    if not whole or steps.dtype != np.int64 or (np.diff(steps) != 1).any() or (steps < 1).any():
        raise damaged("the steps in “batches.npz” do not follow each other")
    return BatchPoints(steps, loss, accuracy)


def _parts(batches: BatchPoints | None) -> Iterable[BatchPoints]:
    for start in range(0, 0 if batches is None else len(batches), _BATCHES_A_ROW):
        part = slice(start, start + _BATCHES_A_ROW)
        assert batches is not None
        yield BatchPoints(batches.steps[part], batches.loss[part], batches.accuracy[part])


def _write(file: zipfile.ZipFile, name: str, path: Path) -> None:
    """Unpack a member, checked to be arrays; weights that were halved are float32 again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        _readable(f"“{name}” cannot be read"),
        file.open(name) as source,
        path.open("wb") as target,
    ):
        shutil.copyfileobj(source, target)
    otherwise = f"“{name}” is not what it says"
    try:
        with _readable(otherwise):
            arrays, facts = load_arrays(path)
    except ArtifactDamaged as error:
        raise damaged(otherwise) from error
    if facts.pop("half", False) is True:
        whole = {
            key: value.astype(np.float32) if value.dtype == np.float16 else value
            for key, value in arrays.items()
        }
        save_arrays(path, whole, facts, durable=False)


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
    return [name for name in paths if _NAME.fullmatch(name)]
