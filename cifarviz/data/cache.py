"""The decoded full set on disk: four .npy files and a marker.

The marker is written last and removed first, so files with a marker were written completely and
verified.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cifarviz.data.progress import ProgressReporter
from cifarviz.data.verification import compute_fingerprints
from cifarviz.datasets.arrays import ARRAY_NAMES, Arrays
from cifarviz.datasets.info import DatasetInfo, Fingerprints
from cifarviz.errors import DatasetDamaged, DatasetNotFound, StorageFull
from cifarviz.storage import atomic_write, remove_leftovers, storage_errors

MARKER = "verified.json"
_FORMAT = 1
# The header of a .npy file has 128 bytes in practice.
_MAX_HEADER = 256
_WRITE_CHUNK = 4 << 20


def read_arrays(folder: Path) -> Arrays:
    """Open the four .npy files of a folder, memory-mapped and read-only.

    Raises ``DatasetNotFound`` if all are missing, ``DatasetDamaged`` if some are missing or cannot
    be read.
    """
    paths = {name: folder / f"{name}.npy" for name in ARRAY_NAMES}
    if not any(path.is_file() for path in paths.values()):
        raise DatasetNotFound("“{folder}” has no decoded arrays.", folder=folder)
    arrays = {}
    for name, path in paths.items():
        try:
            # As plain arrays, so that slices are not of type np.memmap.
            arrays[name] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except FileNotFoundError as error:
            raise DatasetDamaged(
                "“{file_name}” is missing in “{folder}”.", folder=folder, file_name=path.name
            ) from error
        except (OSError, ValueError, EOFError) as error:
            raise DatasetDamaged(
                "“{path}” cannot be read: {error}.", path=path, error=error
            ) from error
    return Arrays(**arrays)


def find_problem(folder: Path, info: DatasetInfo) -> str | None:
    """Return a sentence on why the stored set cannot be used, else ``None``.

    Checks the marker and file sizes, not the content.
    """
    marker = folder / MARKER
    sizes = {name: _size(folder / f"{name}.npy") for name in ARRAY_NAMES}
    if not marker.is_file():
        if all(size is None for size in sizes.values()):
            if info.own:
                return f"The images of {info.title} are not on this machine."
            return f"The full {info.title} set is not on this machine yet."
        return f"The full {info.title} set is incomplete, or failed its check."
    mark = _read_mark(folder)
    if (
        not isinstance(mark, dict)
        or mark.get("format") != _FORMAT
        or _fingerprints(mark) is None
        or (info.fingerprints is not None and _fingerprints(mark) != info.fingerprints)
    ):
        return f"The full {info.title} set was stored by another version of cifarviz."
    if info.fingerprints is None and any(
        not 0 <= (size or 0) - info.array_bytes(name) < _MAX_HEADER for name, size in sizes.items()
    ):
        return f"The stored {info.title} set has another image size or number of images."
    if sizes != mark.get("file_bytes"):
        return f"The full {info.title} set is damaged: the size of its files has changed."
    return None


def read_fingerprints(folder: Path) -> Fingerprints | None:
    """Return the fingerprints stored in the marker of a folder, if any."""
    mark = _read_mark(folder)
    return _fingerprints(mark) if isinstance(mark, dict) else None


def _read_mark(folder: Path) -> object:
    try:
        return json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _fingerprints(mark: dict[str, Any]) -> Fingerprints | None:
    try:
        return Fingerprints(**mark["fingerprints"])
    except (KeyError, TypeError):
        return None


def save_arrays(
    arrays: Arrays, folder: Path, info: DatasetInfo, source: str, watch: ProgressReporter
) -> None:
    """Write verified arrays and then the marker; the caller holds the data set's lock.

    Raises ``StorageFull`` if they do not fit or cannot be written; then there is no marker and no
    partial file.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        remove_marker(folder)
        remove_leftovers(folder)
        check_free_space(folder, info.nbytes)
        watch.stage("writing", info.nbytes)
        done = 0
        for name, array in arrays.items():
            _write_array(folder / f"{name}.npy", array, watch, done, info.nbytes)
            done += array.nbytes
        fingerprints = info.fingerprints or compute_fingerprints(arrays)
        write_marker(folder, info.name, source, fingerprints)


def write_marker(folder: Path, name: str, source: str, fingerprints: Fingerprints) -> None:
    """Mark the arrays of a folder as complete and verified."""
    mark = {
        "format": _FORMAT,
        "dataset": name,
        "source": source,
        "fingerprints": asdict(fingerprints),
        "file_bytes": {array: _size(folder / f"{array}.npy") for array in ARRAY_NAMES},
    }
    with atomic_write(folder / MARKER) as temporary:
        temporary.write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")


def remove_marker(folder: Path) -> None:
    """Remove the marker: the stored set no longer counts as verified."""
    (folder / MARKER).unlink(missing_ok=True)


def check_free_space(folder: Path, amount: int) -> None:
    """Raise ``StorageFull`` unless ``amount`` bytes and a reserve are free for ``folder``."""
    free = shutil.disk_usage(folder).free
    needed = amount + 16_000_000
    if free < needed:
        raise StorageFull(
            "The disk of “{folder}” is too full: {needed:,.0f} MB are needed and "
            "{free:,.0f} MB are free. Free some space, or set CIFARVIZ_HOME to another disk.",
            folder=folder,
            needed=needed / 1e6,
            free=free / 1e6,
        )


def _write_array(
    path: Path, array: np.ndarray, watch: ProgressReporter, done: int, total: int
) -> None:
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file,
            {
                "descr": np.lib.format.dtype_to_descr(array.dtype),
                "fortran_order": False,
                "shape": array.shape,
            },
        )
        for start in range(0, len(content), _WRITE_CHUNK):
            file.write(content[start : start + _WRITE_CHUNK])
            watch.advance(done + min(start + _WRITE_CHUNK, len(content)), total)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
