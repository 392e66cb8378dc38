"""Write files completely or not at all, and explain when a disk or folder refuses.

An incomplete file is called ``.….part`` and locked by its writer. The lock ends with the process,
so an unlocked partial file was left behind by a process that was killed.
"""

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from cifarviz.errors import StorageFull

if sys.platform != "win32":
    import fcntl

_PARTIAL = ".part"

_REFUSALS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
}


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn the system's refusals to write below ``folder`` into ``StorageFull``."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise StorageFull(
            "The folder “{folder}” cannot be created: a file has that name. "
            "Set CIFARVIZ_HOME to a folder.",
            folder=folder,
        ) from error
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise storage_full(folder, error.strerror or "permission denied") from error


def storage_full(folder: Path, reason: str) -> StorageFull:
    """Make the error for a folder that is full or read-only; ``reason`` is the system's text."""
    return StorageFull(
        "“{folder}” is full or read-only: {reason}. Delete runs on the Runs page, allow writing "
        "there, or set CIFARVIZ_HOME to another folder.",
        folder=folder,
        reason=reason,
    )


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path to write to, which replaces ``path`` at the end.

    A reader sees the old file or the new one, also after a crash in between. Without ``durable``,
    writing is faster, but a power cut soon after may leave the file missing or empty.
    """
    temporary = _temporary_path(path.parent, path.name)
    try:
        with _hold_writer_lock(temporary, temporary.touch):
            yield temporary
            if durable:
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Create a private folder in ``parent``, which is removed at the end unless it was moved."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = _temporary_path(parent, "folder")
    try:
        with _hold_writer_lock(folder, lambda: folder.mkdir(exist_ok=True)):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove partial files that killed processes left in ``folder``, but not below it.

    Files that are being written are left alone.
    """
    for path in folder.glob(f".*{_PARTIAL}"):
        _remove_if_abandoned(path)


def _temporary_path(folder: Path, name: str) -> Path:
    return folder / f".{name}.{uuid4().hex}{_PARTIAL}"


@contextmanager
def _hold_writer_lock(path: Path, make: Callable[[], None]) -> Iterator[None]:
    """Create a partial file or folder, and lock it while it is written."""
    if sys.platform == "win32":
        # Windows has no such lock, so nothing counts as abandoned.
        make()
        yield
        return
    while True:
        make()
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        # On a file system without locks nothing counts as abandoned either.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        # Another process may have removed it as abandoned in between.
        if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):
            break
        os.close(handle)
    try:
        yield
    finally:
        os.close(handle)


def _remove_if_abandoned(path: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return
    # Locked until it is removed, so that nobody starts writing to it.
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        # It is being written, or the folder is read-only.
        return
    finally:
        os.close(handle)
