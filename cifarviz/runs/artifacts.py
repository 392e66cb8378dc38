"""Artifacts of a run: files of named arrays with a few facts, each written atomically.

Training uses the interface ``Artifacts``. ``FolderArtifacts`` stores them in the run's folder: the
artifact ``checkpoint-last`` is the file ``checkpoint-last.npz``.
"""

import io
import json
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, Protocol, Self, cast

import numpy as np

from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.storage import atomic_write, storage_errors

FACTS = "__facts__"
"""The name, among the arrays of a file, of the bytes that hold its facts."""

Checkpoint = Literal["best", "last"]

UNREADABLE: Final = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    EOFError,
    RuntimeError,
    OverflowError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
)
"""Errors that reading a corrupt ``.npz`` can raise; ``RuntimeError`` if a member claims to be
encrypted. ``MemoryError`` is not included: for a run's own file it means too little memory, not
damage."""


SNAPSHOTS = "snapshots"
"""The subfolder of a run's folder that holds its snapshots."""


START_CHECKPOINT: Final = "checkpoint-start"
"""The artifact with a fork's initial weights; removed once the fork has started."""

Stamp = tuple[int, int]
"""Modification time in nanoseconds and size in bytes; it changes with the content."""


class Artifacts(Protocol):
    """The artifacts of one run. Names are like paths, with ``/`` between their parts."""

    def save(
        self,
        name: str,
        arrays: Mapping[str, np.ndarray],
        facts: Mapping[str, Any],
        *,
        durable: bool = True,
    ) -> None:
        """Save arrays and JSON-able facts, replacing the artifact of this name.

        ``durable`` is explained in ``cifarviz.storage``.

        Raises ``StorageFull``.
        """

    def load(self, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Load the arrays and facts; raises ``ArtifactMissing`` and ``ArtifactDamaged``."""

    def exists(self, name: str) -> bool:
        """Whether there is such an artifact."""

    def remove(self, name: str) -> None:
        """Remove an artifact, if there is one."""

    def stamp(self, name: str) -> Stamp:
        """Return the artifact's stamp, which changes with its content.

        Raises ``ArtifactMissing``.
        """

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of each artifact whose name starts with ``prefix/``."""


class FolderArtifacts:
    """The ``Artifacts`` in the folder of one run, one file each; creates the folder if needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return the path of an artifact's file."""
        return self.folder / f"{name}.npz"

    def save(
        self,
        name: str,
        arrays: Mapping[str, np.ndarray],
        facts: Mapping[str, Any],
        *,
        durable: bool = True,
    ) -> None:
        save_arrays(self.path(name), arrays, facts, durable=durable)

    def load(self, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        return load_arrays(self.path(name))

    def exists(self, name: str) -> bool:
        return self.path(name).exists()

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def stamp(self, name: str) -> Stamp:
        path = self.path(name)
        try:
            found = path.stat()
        except FileNotFoundError as error:
            raise ArtifactMissing(
                "{file_name} of run {run_id} is missing. Choose another run.",
                file_name=path.name,
                run_id=self.folder.name,
            ) from error
        return found.st_mtime_ns, found.st_size

    def sizes(self, prefix: str) -> dict[str, int]:
        paths = (self.folder / prefix).glob("*.npz")
        return {f"{prefix}/{path.stem}": path.stat().st_size for path in paths}


def checkpoint_name(which: Checkpoint) -> str:
    """Return the artifact of a run's checkpoint: of its best epoch, or the most recent one."""
    return f"checkpoint-{which}"


def checkpoint_path(folder: Path, which: Checkpoint) -> Path:
    """Return the path of a run's checkpoint."""
    return FolderArtifacts(folder).path(checkpoint_name(which))


def start_path(folder: Path) -> Path:
    """Return the path of a fork's initial weights."""
    return FolderArtifacts(folder).path(START_CHECKPOINT)


def epoch_predictions_name(epoch: int) -> str:
    """Return the artifact of a run's predictions for the test images after ``epoch``.

    It holds ``log_probabilities``, float32 (n, classes), and ``indices``, int64 (n,), the images'
    official indices. Its facts are ``format`` and ``epoch``. Format 1 has ``probabilities`` instead
    of ``log_probabilities``.
    """
    return f"test-probabilities-epoch-{epoch:04d}"


def epoch_predictions_path(folder: Path, epoch: int) -> Path:
    """Return the path of ``epoch_predictions_name``."""
    return FolderArtifacts(folder).path(epoch_predictions_name(epoch))


def write_atomically(
    path: Path, write: Callable[[IO[bytes]], object], *, durable: bool = True
) -> None:
    """Call ``write`` with a temporary file that replaces ``path`` when it is complete.

    Raises ``StorageFull``.
    """
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, durable=durable) as temporary, temporary.open("wb") as file:
            write(file)


def save_arrays(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    facts: Mapping[str, Any] | None = None,
    *,
    durable: bool = True,
) -> None:
    """Write arrays and JSON-able facts as one uncompressed ``.npz``; ``durable``: see storage."""
    write_atomically(path, lambda file: _write(file, arrays, facts), durable=durable)


def arrays_to_bytes(
    arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any] | None = None
) -> bytes:
    """Return the bytes of the file that ``save_arrays`` would write."""
    buffer = io.BytesIO()
    _write(buffer, arrays, facts)
    return buffer.getvalue()


def _write(
    file: IO[bytes], arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any] | None
) -> None:
    encoded = np.frombuffer(json.dumps(dict(facts or {})).encode(), dtype=np.uint8)
    np.savez(file, allow_pickle=False, **{FACTS: encoded, **arrays})


class ArrayHeader(NamedTuple):
    """The header of a stored array."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool


class ArrayFile:
    """A ``.npz`` file read one array at a time; use as a context manager.

    Nothing is unpickled, and no more memory is used than the file has bytes. Raises one of
    ``UNREADABLE`` if an array is compressed or occurs twice and, once the headers are read, if
    its size differs from its header.
    """

    def __init__(self, path: Path) -> None:
        self._file = zipfile.ZipFile(path)
        try:
            size = path.stat().st_size
            entries = self._file.infolist()
            for entry in entries:
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size:
                    raise ValueError(f"{entry.filename} is compressed or larger than the file")
            if len({entry.filename for entry in entries}) < len(entries):
                raise ValueError("an array occurs twice")
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @cached_property
    def headers(self) -> Mapping[str, ArrayHeader]:
        """The header of each array by its name."""
        return {name.removesuffix(".npy"): self._header(name) for name in self._file.namelist()}

    def read(self, name: str) -> np.ndarray:
        """Return one array, writable."""
        return self._read(name, self.headers[name])

    def _read(self, name: str, header: ArrayHeader) -> np.ndarray:
        shape, dtype, fortran_order = header
        content = bytearray(math.prod(shape) * dtype.itemsize)
        with self._values(name) as member:
            if member.readinto(content) != len(content) or member.read(1):
                raise ValueError(f"the size of {name} differs from its header")
        flat = np.frombuffer(content, dtype)
        return flat.reshape(shape[::-1]).T if fortran_order else flat.reshape(shape)

    def blocks(self, name: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of one array in blocks of ``values``, flat, in memory order."""
        dtype = self.headers[name].dtype
        with self._values(name) as member:
            while content := member.read(values * dtype.itemsize):
                yield np.frombuffer(content, dtype)

    def read_facts(self) -> dict[str, Any]:
        """Return the facts stored with the arrays, without reading any of these."""
        header = self._header(f"{FACTS}.npy")
        return dict(json.loads(self._read(FACTS, header).tobytes()))

    @contextmanager
    def _values(self, name: str) -> Iterator[zipfile.ZipExtFile]:
        with cast(zipfile.ZipExtFile, self._file.open(f"{name}.npy")) as member:
            _read_header(member)
            yield member

    def _header(self, name: str) -> ArrayHeader:
        with self._file.open(name) as member:
            header = _read_header(member)
            left = self._file.getinfo(name).file_size - member.tell()
        if not name.endswith(".npy") or header.dtype.hasobject:
            raise ValueError(f"{name} is not an array of numbers")
        if math.prod(header.shape) * header.dtype.itemsize != left:
            raise ValueError(f"the size of {name} differs from its header")
        return header


def _read_header(member: Any) -> ArrayHeader:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(member)
    else:
        shape, fortran_order, dtype = np.lib.format.read_array_header_2_0(member)
    return ArrayHeader(shape, dtype, fortran_order)


def load_facts(path: Path) -> dict[str, Any]:
    """Load only the facts that ``save_arrays`` wrote; empty if the file cannot be read."""
    try:
        with ArrayFile(path) as stored:
            return stored.read_facts()
    except UNREADABLE:
        return {}


def load_arrays(
    path: Path, *, missing: ArtifactMissing | None = None, damaged: ArtifactDamaged | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what ``save_arrays`` wrote.

    Nothing is unpickled. Raises ``missing`` or ``damaged``, by default an ``ArtifactMissing`` or
    ``ArtifactDamaged`` with the file's name.
    """
    try:
        with ArrayFile(path) as stored:
            facts = stored.read_facts()
            arrays = {name: stored.read(name) for name in stored.headers if name != FACTS}
    except FileNotFoundError as error:
        raise missing or ArtifactMissing(
            "{file_name} of run {run_id} is missing: training has not written it yet, or it was "
            "removed.",
            file_name=path.name,
            run_id=_run_id_of(path),
        ) from error
    except UNREADABLE as error:
        raise damaged or ArtifactDamaged(
            "{file_name} of run {run_id} is damaged and cannot be read. Train the run again, or "
            "delete it.",
            file_name=path.name,
            run_id=_run_id_of(path),
        ) from error
    return arrays, facts


def _run_id_of(path: Path) -> str:
    """Return the id of the run that this file belongs to, from its folder's name."""
    folder = path.parent
    return folder.parent.name if folder.name == SNAPSHOTS else folder.name
