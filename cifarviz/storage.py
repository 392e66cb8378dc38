"""Writing files whole or not at all, and saying in words when a disk or folder refuses.

Whatever is not complete yet is called ``.….part`` and locked by whoever writes it. The lock ends
with its process, so what a killed one left behind is known by its being free.
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
            "“{folder}” cannot be made: a file of that name is in the way. "
            "Set CIFARVIZ_HOME to a folder.",
            folder=folder,
        ) from error
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise storage_full(folder, error.strerror or "it was refused") from error


def storage_full(folder: Path, reason: str) -> StorageFull:
    """The error for a folder that takes no more, for a reason in the system's words."""
    return StorageFull(
        "Nothing more can be written to “{folder}”: {reason}. Make room (the Runs page can "
        "delete runs) or allow writing there, or set CIFARVIZ_HOME to another folder.",
        folder=folder,
        reason=reason,
    )


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to, which takes its place at the end.

    A reader sees the old file or the new one, also after a crash in between. What is not
    ``durable`` may be lost, or left empty, by a power cut right after; it is written sooner.
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
    """Make a folder in ``parent`` that nobody else uses, to be moved away or removed at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = _temporary_path(parent, "folder")
    try:
        with _hold_writer_lock(folder, lambda: folder.mkdir(exist_ok=True)):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left half written in ``folder``, not in folders below it.

    What somebody is writing just now is left alone.
    """
    for path in folder.glob(f".*{_PARTIAL}"):
        _remove_if_abandoned(path)


def _temporary_path(folder: Path, name: str) -> Path:
    return folder / f".{name}.{uuid4().hex}{_PARTIAL}"


@contextmanager
def _hold_writer_lock(path: Path, make: Callable[[], None]) -> Iterator[None]:
    """Make a partial file or folder and hold the lock that says that its writer is alive."""
    if sys.platform == "win32":
        # There is no such lock, and so nothing is ever taken for abandoned.
        make()
        yield
        return
    while True:
        make()
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        # A file system without locks has nothing abandoned either.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        # Somebody who cleans up may have come between, and taken it for abandoned.
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
    # The lock is held until it is gone, so that nobody begins to write to it meanwhile.
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        # Somebody is writing it, or this folder is not ours to write to.
        return
    finally:
        os.close(handle)
