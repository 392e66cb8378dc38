"""Writing files whole or not at all, and saying in words when a disk or folder refuses."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from cifarviz.errors import StorageFull

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
            f"“{folder}” cannot be made: a file of that name is in the way. "
            "Set CIFARVIZ_HOME to a folder."
        ) from error
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise storage_full(folder, error.strerror or "it was refused") from error


def storage_full(folder: Path, reason: str) -> StorageFull:
    """The error for a folder that takes no more, for a reason in the system's words."""
    return StorageFull(
        f"Nothing more can be written to “{folder}”: {reason}. Make room (the Runs page can "
        "delete runs) or allow writing there, or set CIFARVIZ_HOME to another folder."
    )


@contextmanager
def atomically(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to, which takes its place at the end.

    A reader sees the old file or the new one, also after a crash in between. What is not
    ``durable`` may be lost, or left empty, by a power cut right after; it is written sooner.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
