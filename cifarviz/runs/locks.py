"""OS file locks, which end with the process that holds them, however it dies.

A lock file stays on the disk; only its lock matters.
"""

import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from cifarviz.errors import StoreError

if sys.platform != "win32":
    import fcntl

# ``is_held`` takes the lock for an instant, so ``acquire`` tries for a little longer.
_ACQUIRE_SECONDS = 0.5


def acquire(path: Path, seconds: float = _ACQUIRE_SECONDS) -> FileLock | None:
    """Acquire the lock; ``None`` if it stays held for ``seconds``.

    Any thread may release it. Raises ``StoreError`` if the system refuses, for example because too
    many files are open.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)
        lock.acquire(timeout=seconds, poll_interval=0.02)
    except Timeout:
        return None
    except OSError as error:
        raise StoreError(
            "The lock {path} cannot be taken ({reason}). Check that you may write to its folder "
            "and that not too many files are open.",
            path=path,
            reason=error.strerror or error,
        ) from error
    return lock


def is_held(path: Path) -> bool:
    """Whether some process, this one included, holds the lock."""
    if not path.exists():
        return False
    if not os.access(path, os.W_OK):
        return _is_held_read_only(path)
    lock = acquire(path, 0)
    if lock is None:
        return True
    lock.release()
    return False


def _is_held_read_only(path: Path) -> bool:
    """As ``is_held`` for a file that may only be read; False where the system cannot tell."""
    if sys.platform == "win32":
        return False
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
