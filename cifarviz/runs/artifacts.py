"""Files of a run: named arrays with a few facts, written whole or not at all."""

import io
import json
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np

from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.storage import atomically, storage_errors

_FACTS = "__facts__"

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
"""What zipfile, its decompressors, NumPy and json raise on bytes that are not what they say: a
member that claims to be encrypted is a ``RuntimeError``. An impossible size is a ``MemoryError``,
which of a run's own file is none of its faults."""


SNAPSHOTS = "snapshots"
"""The folder, in a run's own, of what it keeps to be looked back at by."""


def checkpoint_path(folder: Path, which: Checkpoint) -> Path:
    """The file of a run's checkpoint: at its best epoch, or where it stands."""
    return folder / f"checkpoint-{which}.npz"


def start_path(folder: Path) -> Path:
    """The weights a fork is to begin with; it is there until the fork has begun."""
    return folder / "checkpoint-start.npz"


def answers_path(folder: Path, epoch: int) -> Path:
    """The file of what a run's network said about the test images after ``epoch``.

    It holds ``log_probabilities``, float32 (n, classes), and ``indices``, int64 (n,), the images'
    official ones; its facts are ``format`` and ``epoch``. Of format 1 are ``probabilities``.
    """
    return folder / f"test-probabilities-epoch-{epoch:04d}.npz"


def write_atomically(
    path: Path, write: Callable[[IO[bytes]], object], *, durable: bool = True
) -> None:
    """Let ``write`` fill a file that takes the place of ``path`` when it is complete.

    Raises ``StorageFull``.
    """
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomically(path, durable=durable) as temporary, temporary.open("wb") as file:
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


def as_bytes(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any] | None = None) -> bytes:
    """The bytes of the file that ``save_arrays`` would write."""
    buffer = io.BytesIO()
    _write(buffer, arrays, facts)
    return buffer.getvalue()


def _write(
    file: IO[bytes], arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any] | None
) -> None:
    encoded = np.frombuffer(json.dumps(dict(facts or {})).encode(), dtype=np.uint8)
    np.savez(file, allow_pickle=False, **{_FACTS: encoded, **arrays})


def load_facts(path: Path) -> dict[str, Any]:
    """The facts alone of what ``save_arrays`` wrote; none of a file that can't be read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(json.loads(stored[_FACTS].tobytes()))
    except UNREADABLE:
        return {}


def load_arrays(
    path: Path, *, missing: str | None = None, damaged: str | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what ``save_arrays`` wrote.

    Nothing is unpickled. Raises ``ArtifactMissing`` and ``ArtifactDamaged``, with the words
    ``missing`` and ``damaged`` where the caller knows better ones than the file's name.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        facts = dict(json.loads(arrays.pop(_FACTS).tobytes()))
    except FileNotFoundError as error:
        raise ArtifactMissing(
            missing
            or f"{path.name} of run {_run_of(path)} is not there: the run has not got that far, or "
            "the file was removed."
        ) from error
    except UNREADABLE as error:
        raise ArtifactDamaged(
            damaged
            or f"{path.name} of run {_run_of(path)} is damaged and cannot be read. "
            "Train the run again, or delete it."
        ) from error
    return arrays, facts


def _run_of(path: Path) -> str:
    """The run whose file this is, by the name of its folder."""
    folder = path.parent
    return folder.parent.name if folder.name == SNAPSHOTS else folder.name
